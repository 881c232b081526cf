// Texts with a bar each: the reward model's opinion as it forms.

function render({ model, el }) {
  const root = frame("The reward model's opinion", () => false);
  const title = make("h3", { class: "rlhf-question rlhf-top" });
  const list = make("ol", { class: "rlhf-opinions" });
  const note = make("p", { class: "rlhf-note", role: "status", "aria-live": "polite" });
  root.append(title, list, note);
  let rows = [];

  function build(state) {
    rows = state.rows.map((row) => {
      const fill = make("div", { class: "rlhf-bar-fill" });
      const meter = make("div", { class: "rlhf-bar rlhf-thick", role: "meter", "aria-valuemin": "0", "aria-valuemax": "1" }, fill);
      const value = make("span", { class: "rlhf-value" });
      const change = make("span", { class: "rlhf-change" });
      const text = make("p", { class: "rlhf-story", tabindex: "0" });
      const label = make("span", { class: "rlhf-tag", text: row.label });
      label.hidden = !row.label;
      text.textContent = row.text;
      const side = make("div", { class: "rlhf-side" }, make("div", { class: "rlhf-line" }, value, change), meter, label);
      list.append(make("li", {}, side, text));
      return { fill, meter, value, change };
    });
  }

  function draw() {
    const state = model.get("state");
    if (rows.length !== state.rows.length) {
      list.replaceChildren();
      build(state);
    }
    setText(title, state.title);
    setText(note, state.note);
    state.rows.forEach((row, i) => {
      const known = row.score != null;
      const moved = Math.abs(row.change) >= 0.005;
      setText(rows[i].value, known ? row.score.toFixed(2).replace("-", "−") : "–");
      setText(rows[i].change, moved ? `${row.change > 0 ? "▲" : "▼"} ${Math.abs(row.change).toFixed(2)}` : "");
      rows[i].fill.style.width = `${100 * row.share}%`;
      rows[i].meter.setAttribute("aria-label", `Score of text ${i + 1}`);
      rows[i].meter.setAttribute("aria-valuenow", row.share.toFixed(2));
      rows[i].meter.setAttribute("aria-valuetext", known ? row.score.toFixed(2) : "no opinion yet");
    });
  }

  model.on("change:state", draw);
  draw();
  el.append(root);
  model.send({ do: "ready" });
  return () => model.off("change:state", draw);
}

export default { render };
