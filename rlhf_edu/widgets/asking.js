// What all views of a feedback session share: the queue, skip and undo, guidelines, progress and pace, the 250 ms guard.
// Answers show the next item at once; the kernel confirms them in its own time.

const TOO_SOON_MS = 250;
const PATIENCE_MS = 1500;
const LONG_MS = 12000; // after so long a kernel may not be busy, but gone; the page is not told

// `build(desk)` makes the view's own part and returns { body, row, show(item), key(key, event), gone() }: the nodes that show
// an item, its buttons in the row below, what draws a new item, what says whether it used a key, and, where there is
// something to stop, what stops it when the view is taken away. The desk takes the answer, makes boxes for texts, speaks to screen readers, and keeps `drafts` by item, for those that are taken back.
function asking({ model, el }, label, build) {
  const waiting = new Map(); // item -> when it was answered here; the kernel has not confirmed it yet
  const drafts = new Map();
  let boxes = [];
  let shown = null;
  let shownAt = 0;
  let hiddenAt = 0;
  let lastPress = -Infinity;
  let skipping = false;

  const root = frame(label, onKey);
  const bar = make("div", { class: "rlhf-bar-fill" });
  const meter = make("div", { class: "rlhf-bar", role: "progressbar", "aria-label": "Answered", "aria-valuemin": "0" }, bar);
  const count = make("span", { class: "rlhf-count" });
  const pace = make("span", { class: "rlhf-pace" });
  const rules = make("div", { class: "rlhf-rules-text" });
  const guidelines = make(
    "details",
    { class: "rlhf-rules" },
    make("summary", {}, make("span", { text: "Guidelines" }), make("kbd", { text: "g", "aria-hidden": "true" })),
    rules,
  );
  const question = make("h3", { class: "rlhf-question" });
  const prompt = make("p", { class: "rlhf-prompt" });
  const undoButton = keyButton("Undo", ["u"], undo, "rlhf-quiet");
  const skipButton = keyButton("Skip", ["s"], openSkip, "rlhf-quiet");
  const reasons = make("div", { class: "rlhf-reasons", role: "group", "aria-label": "Why skip?", hidden: true });
  const other = make("input", { type: "text", placeholder: "another reason, then Enter", "aria-label": "Another reason" });
  other.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && other.value.trim()) skip(other.value.trim());
  });
  const over = make("div", { class: "rlhf-over", hidden: true });
  const problem = make("p", { class: "rlhf-problem", role: "alert", hidden: true });
  const note = make("span", { class: "rlhf-note" });
  const hint = make("span", { class: "rlhf-hint", text: "Click here to use the keys" });
  const spoken = make("div", { class: "rlhf-spoken", role: "status", "aria-live": "polite" });
  const say = (text) => (spoken.textContent = text);
  const view = build({ root, drafts, answer, textBox, fade, say, item: () => shown });
  const leaving = make("span", { class: "rlhf-pair" }, undoButton, skipButton); // they wrap together
  const row = make("div", { class: "rlhf-row" }, ...view.row, make("span", { class: "rlhf-space" }), leaving);
  root.append(
    make("header", { class: "rlhf-head" }, make("div", { class: "rlhf-line" }, count, pace), meter),
    guidelines, question, prompt, ...view.body, over, row, reasons, problem,
    make("footer", { class: "rlhf-foot" }, note, hint), spoken,
  );

  // A frame for a model's text; long ones scroll, and fade out where there is more.
  function textBox(name) {
    const box = make("div", { class: "rlhf-text", role: "region", "aria-label": name, tabindex: "0", onscroll: fade });
    boxes.push(box);
    return box;
  }

  function leave(message, said) {
    const now = performance.now();
    if (!shown || now - lastPress < TOO_SOON_MS) return;
    lastPress = now;
    model.send({ seconds: (now - shownAt) / 1000, pressed_at: Date.now() / 1000, item: shown.item, ...message });
    waiting.set(shown.item, now);
    for (const later of [PATIENCE_MS, LONG_MS]) setTimeout(draw, later + 50);
    closeSkip();
    draw();
    say(`${said}. ${shown ? count.textContent : over.textContent}`);
  }

  function answer(value, said, button) {
    if (!shown) return;
    flash(button);
    leave({ do: "answer", value }, said);
  }

  function skip(reason) {
    other.value = "";
    leave({ do: "skip", reason }, "Skipped");
  }

  function undo() {
    if (!isOn(undoButton)) return;
    flash(undoButton);
    model.send({ do: "undo" });
    say("Taken back");
  }

  function openSkip() {
    if (!shown) return;
    skipping = true;
    const given = model.get("state").reasons.map((text, i) => keyButton(text, [String(i + 1)], () => skip(text), "rlhf-quiet"));
    reasons.replaceChildren(make("span", { class: "rlhf-why", text: "Why skip?" }), ...given, other,
      keyButton("Back", ["Esc"], closeSkip, "rlhf-quiet"));
    reasons.hidden = false;
    if (!root.contains(document.activeElement) || document.activeElement === skipButton) root.focus({ preventScroll: true });
  }

  function closeSkip() {
    skipping = false;
    hide(root, reasons, true);
  }

  function onKey(key, event) {
    if (skipping) {
      const reason = model.get("state").reasons[Number(key) - 1];
      if (reason) skip(reason);
      else if (key === "Escape") closeSkip();
      return Boolean(reason) || key === "Escape";
    }
    if (shown && view.key(key, event)) return true;
    if (key === "u") undo();
    else if (key === "s") openSkip();
    else if (key === "g" && !guidelines.hidden) guidelines.open = !guidelines.open;
    else return false;
    return true;
  }

  function draw() {
    const state = model.get("state");
    const next = state.items.find((item) => !waiting.has(item.item)) ?? null;
    const ahead = state.items.filter((item) => waiting.has(item.item)).length;
    const finished = state.answered + state.skipped + ahead;
    const isNew = next?.item !== shown?.item;
    if (isNew) {
      closeSkip();
      prompt.classList.toggle("rlhf-known", Boolean(next && shown) && next.prompt === shown.prompt); // read already
      shown = next;
      shownAt = performance.now();
    }
    if (next) {
      setText(question, next.question);
      setText(prompt, next.prompt);
    }
    const complete = state.items.length === 0;
    setText(over, complete ? "All done. Thank you!" : "Waiting for the kernel to take your answers.");
    for (const node of [question, ...view.body]) hide(root, node, !next);
    prompt.hidden = !next || !next.prompt;
    over.hidden = Boolean(next);
    if (isNew && next) {
      view.show(next);
      boxes = boxes.filter((box) => root.contains(box));
      boxes.forEach((box) => (box.scrollTop = 0));
    }
    for (const button of [...view.row, skipButton]) switchOn(button, Boolean(next));
    switchOn(undoButton, finished > 0);
    setText(count, `${finished} of ${state.total} answered` + (state.skipped ? ` (${state.skipped} skipped)` : ""));
    const each = state.seconds_each;
    const left = state.total - finished;
    setText(pace, each && left > 0 ? `${duration(each)} each · about ${duration(each * left)} left` : "");
    bar.style.width = `${state.total ? (100 * finished) / state.total : 0}%`;
    meter.setAttribute("aria-valuemax", state.total);
    meter.setAttribute("aria-valuenow", finished);
    setText(rules, state.guidelines);
    guidelines.hidden = !state.guidelines;
    setText(problem, state.problem || unsaved());
    problem.hidden = !problem.textContent;
    setText(note, state.simulated ? `A simulated person filled in ${state.simulated}; your answers go first.` : "");
    requestAnimationFrame(fade);
  }

  function unsaved() {
    const longest = performance.now() - Math.min(...waiting.values());
    if (longest < PATIENCE_MS) return "";
    const said = `Saving: the kernel is busy, ${waiting.size} waiting.`;
    return longest < LONG_MS ? said : `${said} If it was stopped or restarted, they are lost: run this cell again, and they are asked again.`;
  }

  function fade() {
    for (const node of boxes) node.classList.toggle("rlhf-more", node.scrollHeight - node.scrollTop > node.clientHeight + 4);
  }

  function onMessage(message) {
    if (message.handled == null) return;
    waiting.delete(message.handled);
    draw();
  }

  function onVisibility() {
    if (document.hidden) hiddenAt = performance.now();
    else shownAt += performance.now() - Math.max(hiddenAt, shownAt); // looking elsewhere is no time spent on the item
  }

  model.on("change:state", draw);
  model.on("msg:custom", onMessage);
  document.addEventListener("visibilitychange", onVisibility);
  draw();
  el.append(root);
  model.send({ do: "ready" });
  return () => {
    model.off("change:state", draw);
    model.off("msg:custom", onMessage);
    document.removeEventListener("visibilitychange", onVisibility);
    view.gone?.();
  };
}
