// Helpers that all views share; this file is put in front of each view's own.
// Text from a model only ever becomes a text node: no view writes markup.

function make(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// A button that shows its keys. `keys` are what is printed; the view decides what they do. It is switched off by
// aria-disabled: the real attribute would throw the focus out, and the next key would be a command to JupyterLab.
function keyButton(label, keys, action, extra = "") {
  const onclick = (event) => isOn(event.currentTarget) && action();
  const hints = keys.map((key) => make("kbd", { text: key, "aria-hidden": "true" }));
  return make(
    "button",
    { type: "button", class: `rlhf-button ${extra}`, "aria-keyshortcuts": keys.join(" "), onclick },
    make("span", { class: "rlhf-label", text: label }),
    make("span", { class: "rlhf-keys" }, ...hints),
  );
}

function switchOn(button, on) {
  button.setAttribute("aria-disabled", String(!on));
}

function isOn(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

// Something that is about to be hidden must not take the keyboard with it.
function hide(root, node, hidden) {
  if (hidden && node.contains(document.activeElement)) root.focus({ preventScroll: true });
  node.hidden = hidden;
}

// The frame of a view: JupyterLab must not act on what is typed inside it, and clicks must bring the keyboard here.
function frame(label, onkey) {
  const root = make("section", {
    class: "rlhf-view",
    tabindex: "-1",
    "aria-label": label,
    "data-lm-suppress-shortcuts": "true",
  });
  root.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault(); // JupyterLab hears nothing of what happens in here, but a notebook should be saved
      document.body.dispatchEvent(new KeyboardEvent("keydown", event));
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (event.repeat && event.key === "Enter" && event.target.closest("button")) event.preventDefault(); // held, it clicks once
    const typing = event.target.closest("input:not([type=range]), textarea, select");
    if (event.shiftKey && event.key === "Enter" && !typing) return event.preventDefault(); // "run" to Jupyter: no answer
    if (event.repeat || (typing && event.key !== "Escape")) return;
    if (onkey(event.key.length === 1 ? event.key.toLowerCase() : event.key, event)) event.preventDefault();
  });
  root.addEventListener("click", (event) => {
    const selecting = String(window.getSelection()) !== "";
    if (!root.contains(document.activeElement) && !selecting) root.focus({ preventScroll: true });
  });
  return root;
}

function flash(button) {
  button.classList.remove("rlhf-pressed");
  void button.offsetWidth; // restarts the animation
  button.classList.add("rlhf-pressed");
}

// A text that shows nothing is told from one that is on its way.
function shownText(text) {
  return /[^\s\p{Cf}]/u.test(text) ? text : "(nothing)";
}

// Setting the same text again would make screen readers repeat it and would drop a selection.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}
