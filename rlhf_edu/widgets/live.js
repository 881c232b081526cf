// A training run: start, pause, stop, and one small plot for each curve.

const HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]; // Okabe and Ito: distinct for colour-blind eyes
const DARK_HUES = ["#56B4E9", "#E69F00", "#3DC79B", "#E79BC4"];

function short(value) {
  if (value == null) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 100000) ? value.toExponential(1) : value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}

// Round numbers for an axis: a step of 1, 2 or 5 times a power of ten.
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
  const list = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) list.push(Math.abs(value) < step * 1e-6 ? 0 : value);
  return { list, digits: Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9))) };
}

function plot(canvas, curve, total, hue) {
  const style = getComputedStyle(canvas);
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const ink = canvas.getContext("2d");
  ink.scale(scale, scale);
  ink.font = `12px ${style.fontFamily}`;
  const points = curve.points.filter((point) => point[1] != null);
  const values = points.map((point) => point[1]);
  let [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  if (high - low < 1e-9) [low, high] = [low - Math.max(0.5, Math.abs(low) / 10), high + Math.max(0.5, Math.abs(high) / 10)];
  const margin = (high - low) * 0.08;
  [low, high] = [low - margin, high + margin];
  const last = Math.max(total, curve.points.at(-1)?.[0] ?? 1, 2);
  const y = ticks(low, high, 4);
  const box = { left: 12 + Math.max(...y.list.map((v) => ink.measureText(v.toFixed(y.digits)).width), 0), top: 8, right: width - 12, bottom: height - 36 };
  const atX = (step) => box.left + ((step - 1) / (last - 1)) * (box.right - box.left);
  const atY = (value) => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
  ink.fillStyle = style.getPropertyValue("--soft");
  ink.strokeStyle = style.getPropertyValue("--faint");
  ink.lineWidth = 1;
  ink.textBaseline = "middle";
  ink.textAlign = "right";
  for (const value of y.list) {
    ink.beginPath();
    ink.moveTo(box.left, Math.round(atY(value)) + 0.5);
    ink.lineTo(box.right, Math.round(atY(value)) + 0.5);
    ink.stroke();
    ink.fillText(value.toFixed(y.digits), box.left - 7, atY(value));
  }
  ink.textBaseline = "top";
  ink.textAlign = "center";
  for (const step of ticks(1, last, 5).list.filter((s) => s >= 1 && Number.isInteger(s))) ink.fillText(step, atX(step), box.bottom + 6);
  ink.fillText("step", (box.left + box.right) / 2, box.bottom + 21);
  ink.strokeStyle = ink.fillStyle = hue;
  ink.lineWidth = 2.2;
  ink.lineJoin = "round";
  ink.beginPath();
  let down = false;
  for (const [step, value] of curve.points) { // a value that is no number leaves a gap
    if (value == null) down = false;
    else if (down) ink.lineTo(atX(step), atY(value));
    else ink.moveTo(atX(step), atY(value));
    down = value != null;
  }
  ink.stroke();
  if (points.length) {
    ink.beginPath();
    ink.arc(atX(points.at(-1)[0]), atY(points.at(-1)[1]), 4, 0, 7);
    ink.fill();
  }
}

function render({ model, el }) {
  const root = frame("Teach the model", onKey);
  const startButton = keyButton("Teach", ["Enter"], () => model.send({ do: "start" }), "rlhf-main");
  const pauseButton = keyButton("Pause", ["p"], () => model.send({ do: "pause" }), "rlhf-quiet");
  const stopButton = keyButton("Stop", ["x"], () => model.send({ do: "stop" }), "rlhf-quiet");
  const bar = make("div", { class: "rlhf-bar-fill" });
  const meter = make("div", { class: "rlhf-bar", role: "progressbar", "aria-label": "Steps", "aria-valuemin": "0" }, bar);
  const says = make("span", { class: "rlhf-says", role: "status", "aria-live": "polite" });
  const problem = make("p", { class: "rlhf-problem", role: "alert", hidden: true });
  const plots = make("div", { class: "rlhf-plots" });
  const row = make("div", { class: "rlhf-row rlhf-first" }, startButton, pauseButton, stopButton, says);
  root.append(row, make("div", { class: "rlhf-meter" }, meter), problem, plots);
  let panels = [];
  let spokenAt = 0;

  function onKey(key, event) {
    if (key === "Enter" && event.target.closest("button")) return false; // the focused button does its own work
    const button = { Enter: startButton, p: pauseButton, x: stopButton }[key];
    if (!button) return false;
    button.click(); // one that is switched off does nothing
    return true;
  }

  function build(curves) {
    panels = curves.map((curve) => {
      const value = make("strong", { class: "rlhf-value" });
      const canvas = make("canvas", { role: "img" });
      const name = make("span", { text: curve.label });
      return { key: curve.key, value, canvas, figure: make("figure", {}, make("figcaption", {}, name, value), canvas) };
    });
    plots.replaceChildren(...panels.map((panel) => panel.figure));
  }

  function draw() {
    const state = model.get("state");
    const dark = document.body.dataset.jpThemeLight === "false";
    if (panels.map((p) => p.key).join() !== state.curves.map((c) => c.key).join()) build(state.curves);
    const running = state.status === "running";
    switchOn(startButton, !running && state.status !== "stopping");
    switchOn(pauseButton, running);
    switchOn(stopButton, running || state.status === "paused");
    const again = ["finished", "stopped", "failed"].includes(state.status);
    setText(startButton.querySelector(".rlhf-label"), state.status === "paused" ? "Go on" : again ? `${state.start} again` : state.start);
    const seldom = !running || performance.now() - spokenAt > 3000 || state.step <= 1;
    if (seldom) spokenAt = performance.now();
    says.setAttribute("aria-live", seldom ? "polite" : "off"); // a screen reader need not hear every step
    setText(says, state.says);
    setText(problem, state.problem);
    problem.hidden = !state.problem;
    meter.hidden = !state.total;
    bar.style.width = `${state.total ? Math.min(100, (100 * state.step) / state.total) : 0}%`;
    meter.setAttribute("aria-valuemax", state.total);
    meter.setAttribute("aria-valuenow", state.step);
    state.curves.forEach((curve, i) => {
      const known = curve.points.filter((point) => point[1] != null);
      setText(panels[i].value, known.length ? short(known.at(-1)[1]) : "");
      const story = known.length ? `from ${short(known[0][1])} to ${short(known.at(-1)[1])} in ${state.step} steps` : "no steps yet";
      panels[i].canvas.setAttribute("aria-label", `Curve of ${curve.label}: ${story}`);
      plot(panels[i].canvas, curve, state.total, (dark ? DARK_HUES : HUES)[i % HUES.length]);
    });
  }

  const later = () => requestAnimationFrame(draw);
  const themes = new MutationObserver(later);
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  const sizes = new ResizeObserver(later);
  sizes.observe(root);
  model.on("change:state", later);
  draw();
  el.append(root);
  later();
  model.send({ do: "ready" });
  return () => {
    model.off("change:state", later);
    themes.disconnect();
    sizes.disconnect();
  };
}

export default { render };
