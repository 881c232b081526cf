// A grid world to paint. Python sweeps the values; this draws its frames one after the other, so that they flow.

const FRAME_MS = 70;
const RAMP = [[0, 34, 78], [67, 78, 108], [125, 124, 120], [188, 174, 108], [254, 232, 56]]; // dark is low, light is high, in grey too
const MOVES = ["←", "↓", "→", "↑"];
const WORDS = ["left", "down", "right", "up"];
const STEPS = { ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowRight: [0, 1], ArrowUp: [-1, 0] };
const ACTIONS = { u: "undo", n: "sweep", f: "flow", z: "forget", o: "start over" };

function shade(share) {
  const at = Math.min(0.9999, Math.max(0, share)) * (RAMP.length - 1);
  const [low, high, part] = [RAMP[Math.floor(at)], RAMP[Math.floor(at) + 1], at % 1];
  return `rgb(${low.map((c, i) => Math.round(c + part * (high[i] - c))).join(", ")})`;
}

function bits(moves, names) {
  return names.filter((_, i) => (moves >> i) & 1);
}

function number(value) {
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1).replace("-", "−");
}

function render({ model, el }) {
  let brush = "#";
  let cursor = model.get("state").start;
  let stroke = null; // cells painted since the mouse went down; Python has not heard of them yet
  let turn = -1;
  let at = 0; // the frame that is shown
  let timer = 0;

  const root = frame("Paint a grid world", onKey);
  const says = make("span", { class: "rlhf-count" });
  const rules = make("span", {});
  const palette = make("div", { class: "rlhf-row rlhf-first", role: "group", "aria-label": "Brushes" });
  const board = make("div", { class: "rlhf-board", role: "grid", "aria-label": "The world" });
  const buttons = Object.fromEntries(
    [["u", "Undo"], ["n", "One sweep"], ["f", "Let it flow"], ["z", "Values to 0"], ["o", "First map"]].map(([key, label]) => [
      key,
      keyButton(label, [key], () => act(key), "rlhf-quiet"),
    ]),
  );
  const row = make("div", { class: "rlhf-row" }, ...Object.values(buttons));
  const note = make("p", { class: "rlhf-problem", role: "alert", hidden: true });
  const spoken = make("div", { class: "rlhf-spoken", role: "status", "aria-live": "polite" });
  const hint = make("span", { class: "rlhf-hint", text: "Drag to paint, or click and use arrows and Enter" });
  root.append(
    palette, board, make("div", { class: "rlhf-line rlhf-under" }, says, rules), row, note,
    make("footer", { class: "rlhf-foot" }, make("span", {}), hint), spoken,
  );
  let brushes = [];
  let cells = [];

  function build({ shape, brushes: kinds }) {
    brushes = kinds.map((kind, i) => {
      const button = keyButton(`${kind.sign && kind.sign !== kind.name ? kind.sign + " " : ""}${kind.name}`, [String(i + 1)], () => choose(kind.letter));
      if (kind.pays) button.title = `pays ${kind.pays}`;
      return button;
    });
    palette.replaceChildren(...brushes);
    board.style.gridTemplateColumns = `repeat(${shape[1]}, minmax(36px, 68px))`;
    cells = Array.from({ length: shape[0] * shape[1] }, (_, i) => {
      const parts = ["sign", "moves", "worth"].map((name) => make("span", { class: `rlhf-${name}`, "aria-hidden": "true" }));
      const node = make("div", { class: "rlhf-cell", role: "gridcell", tabindex: "-1", "data-cell": i, onfocus: () => (cursor = i) }, ...parts);
      return { node, parts };
    });
    const rows = Array.from({ length: shape[0] }, (_, r) =>
      make("div", { class: "rlhf-cells", role: "row" }, ...cells.slice(r * shape[1], (r + 1) * shape[1]).map((cell) => cell.node)),
    );
    board.replaceChildren(...rows);
    choose(brush);
  }

  function choose(letter) {
    brush = letter;
    model.get("state").brushes.forEach((kind, i) => brushes[i].setAttribute("aria-pressed", String(kind.letter === letter)));
  }

  function act(key) {
    if (!isOn(buttons[key])) return;
    flash(buttons[key]);
    model.send({ do: ACTIONS[key] });
  }

  function paint(list) {
    if (list.length) model.send({ do: "paint", cells: list, letter: brush });
  }

  function cellAt(event) {
    const node = board.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest(".rlhf-cell");
    return node && board.contains(node) ? Number(node.dataset.cell) : -1;
  }

  function touch(i) {
    if (i < 0 || stroke.includes(i)) return;
    stroke.push(i);
    draw();
  }

  board.addEventListener("pointerdown", (event) => {
    const i = cellAt(event);
    if (event.button !== 0 || i < 0) return;
    event.preventDefault();
    stroke = [];
    focus(i);
    touch(i);
    board.setPointerCapture(event.pointerId);
  });
  board.addEventListener("pointermove", (event) => stroke && touch(cellAt(event)));
  board.addEventListener("pointerup", () => {
    const list = stroke ?? [];
    stroke = null;
    paint(list);
  });
  board.addEventListener("pointercancel", () => {
    stroke = null;
    draw();
  });

  function focus(i) {
    cursor = i;
    cells.forEach(({ node }, j) => node.setAttribute("tabindex", j === i ? "0" : "-1"));
    cells[i].node.focus({ preventScroll: true });
  }

  function onKey(key, event) {
    const { shape, brushes: kinds } = model.get("state");
    if (STEPS[key]) {
      const r = Math.floor(cursor / shape[1]) + STEPS[key][0];
      const c = (cursor % shape[1]) + STEPS[key][1];
      focus(r >= 0 && c >= 0 && r < shape[0] && c < shape[1] ? r * shape[1] + c : cursor);
    } else if (kinds[Number(key) - 1]) choose(kinds[Number(key) - 1].letter);
    else if ((key === "Enter" || key === " ") && !event.target.closest("button")) paint([cursor]);
    else if (ACTIONS[key]) act(key);
    else return false;
    return true;
  }

  function draw() {
    const state = model.get("state");
    const shown = state.frames[at] ?? state.frames.at(-1);
    const range = state.high - state.low || 1;
    cells.forEach(({ node, parts: [sign, moves, worth] }, i) => {
      const fresh = stroke?.includes(i);
      const letter = fresh && (state.letters[i] !== "S" || brush === "S") ? brush : state.letters[i];
      const kind = state.brushes.find((one) => one.letter === letter);
      const value = letter === state.letters[i] ? shown.values[i] : null;
      const share = value == null ? null : (value - state.low) / range;
      node.className = `rlhf-cell rlhf-${kind.name}`;
      node.style.background = share == null ? "" : shade(share);
      node.style.color = share == null ? "" : share < 0.55 ? "#fff" : "#000";
      setText(sign, letter === "#" ? "" : kind.sign);
      setText(moves, value == null ? "" : bits(shown.moves[i], MOVES).join(""));
      setText(worth, value == null ? "" : number(value));
      const best = value == null ? "" : `, worth ${number(value)}, best ${bits(shown.moves[i], WORDS).join(" or ") || "anything"}`;
      node.setAttribute("aria-label", `row ${Math.floor(i / state.shape[1]) + 1}, column ${(i % state.shape[1]) + 1}: ${kind.name}${best}`);
    });
    const worth = shown.values[state.start];
    setText(says, `After ${shown.sweep} sweep${shown.sweep === 1 ? "" : "s"} the start is worth ${worth == null ? "–" : number(worth)}`);
    setText(rules, state.says);
    switchOn(buttons.u, state.can_undo);
    setText(note, state.note);
    note.hidden = !state.note;
  }

  function advance() {
    const last = model.get("state").frames.length - 1;
    at = Math.min(at + 1, last);
    draw();
    if (at === last) finish();
  }

  function finish() {
    clearInterval(timer);
    timer = 0;
    spoken.textContent = `${says.textContent}.`;
  }

  function onState() {
    const state = model.get("state");
    if (state.turn === turn) return draw();
    turn = state.turn;
    clearInterval(timer);
    timer = 0;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || state.frames.length === 1;
    at = still ? state.frames.length - 1 : 0;
    draw();
    if (still) finish();
    else timer = setInterval(advance, FRAME_MS);
  }

  build(model.get("state"));
  cells[cursor].node.setAttribute("tabindex", "0");
  model.on("change:state", onState);
  onState();
  el.append(root);
  model.send({ do: "ready" });
  return () => {
    clearInterval(timer);
    model.off("change:state", onState);
  };
}

export default { render };
