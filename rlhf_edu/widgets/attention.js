// Attention as a picture: a word, the words it reads from, and all heads at a glance. The kernel is not asked again.

const THUMB = 64;

function render({ model, el }) {
  const state = model.get("state");
  const { words, layers, heads, weights } = state;
  const T = words.length;
  let layer = 0;
  let head = 0;
  let kept = T - 1;
  let ink = ""; // the colour in which the small pictures were painted
  let pointed = null; // the word under the mouse; it is shown for as long as it is there

  const root = frame("Attention", onKey);
  const says = make("p", { class: "rlhf-reads", role: "status", "aria-live": "polite" });
  const spans = words.map((word, i) => {
    const share = make("small", { class: "rlhf-share", "aria-hidden": "true" });
    const span = make(
      "button",
      { type: "button", class: "rlhf-token", tabindex: "-1", onclick: () => keep(i),
        onpointerenter: () => point(i), onpointerleave: () => point(null) },
      make("span", { class: "rlhf-word", text: word }),
      share,
    );
    return { span, share };
  });
  const text = make("div", { class: "rlhf-tokens", role: "group", "aria-label": "Words" }, ...spans.map((s) => s.span));
  const thumbs = [];
  for (let a = 0; a < layers; a += 1) {
    for (let b = 0; b < heads; b += 1) {
      const canvas = make("canvas", { width: T, height: T, "aria-hidden": "true" });
      const button = make(
        "button",
        { type: "button", class: "rlhf-thumb", "aria-label": `Layer ${a + 1}, head ${b + 1}`, onclick: () => choose(a, b) },
        canvas,
      );
      thumbs.push({ button, canvas, layer: a, head: b });
    }
  }
  const gallery = make("div", { class: "rlhf-gallery" });
  for (let a = 0; a < layers; a += 1) {
    const row = thumbs.filter((thumb) => thumb.layer === a).map((thumb) => thumb.button);
    gallery.append(make("div", { class: "rlhf-layer" }, make("span", { text: `layer ${a + 1}` }), ...row));
  }
  const moves = make(
    "div",
    { class: "rlhf-row" },
    keyButton("Word before", ["←"], () => keep(kept - 1), "rlhf-quiet"),
    keyButton("Word after", ["→"], () => keep(kept + 1), "rlhf-quiet"),
    keyButton("Head before", ["↑"], () => step(-1), "rlhf-quiet"),
    keyButton("Next head", ["↓"], () => step(1), "rlhf-quiet"),
  );
  const help = "In the small pictures a row is a word that reads, a column a word that is read.";
  root.append(
    make("h3", { class: "rlhf-question rlhf-top", text: state.title }),
    make("div", { class: "rlhf-attention" }, make("div", {}, says, text, moves), gallery),
    make("footer", { class: "rlhf-foot" }, make("span", { class: "rlhf-note", text: help }),
      make("span", { class: "rlhf-hint", text: "Click here to use the keys" })),
  );

  function at(a, b, t, s) {
    return weights[((a * heads + b) * T + t) * T + s];
  }

  function keep(i) {
    kept = Math.max(0, Math.min(T - 1, i));
    draw();
  }

  function point(i) {
    pointed = i;
    draw();
  }

  function choose(a, b) {
    layer = a;
    head = b;
    draw();
  }

  function step(by) {
    const next = (layer * heads + head + by + layers * heads) % (layers * heads);
    choose(Math.floor(next / heads), next % heads);
  }

  function onKey(key) {
    if (key === "ArrowLeft") keep(kept - 1);
    else if (key === "ArrowRight") keep(kept + 1);
    else if (key === "Home") keep(0);
    else if (key === "End") keep(T - 1);
    else if (key === "ArrowUp") step(-1);
    else if (key === "ArrowDown") step(1);
    else return false;
    return true;
  }

  // One pixel a pair of words, in the colour of the text: dark where much is read. The browser enlarges it.
  function paint({ canvas, layer: a, head: b }) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, T, T);
    pen.fillStyle = ink || "#000";
    for (let t = 0; t < T; t += 1) {
      for (let s = 0; s < T; s += 1) {
        pen.globalAlpha = Math.sqrt(at(a, b, t, s)); // the root lets small shares be seen
        pen.fillRect(s, t, 1, 1);
      }
    }
  }

  function draw() {
    const t = pointed ?? kept;
    spans.forEach(({ span, share }, s) => {
      const w = at(layer, head, t, s);
      span.classList.toggle("rlhf-reader", s === t);
      span.classList.toggle("rlhf-future", s > t && w === 0);
      span.style.setProperty("--share", w.toFixed(3));
      setText(share, w >= 0.005 ? String(Math.round(100 * w)) : "");
      span.title = w ? `${(100 * w).toFixed(1)} %` : "not read";
    });
    for (const thumb of thumbs) {
      thumb.button.setAttribute("aria-pressed", String(thumb.layer === layer && thumb.head === head));
    }
    const best = words
      .map((word, s) => [word.trim() || "␣", at(layer, head, t, s)])
      .sort((x, y) => y[1] - x[1])
      .filter((pair) => pair[1] >= 0.005)
      .slice(0, 3)
      .map(([word, w]) => `“${word}” ${Math.round(100 * w)} %`);
    setText(says, `Layer ${layer + 1}, head ${head + 1}: “${words[t].trim() || "␣"}” reads ${best.join(", ")}`);
  }

  // Light and dark change the colour of the text; what is painted does not follow by itself.
  function paintAll() {
    const now = getComputedStyle(root).color;
    if (now === ink) return;
    ink = now;
    thumbs.forEach(paint);
  }

  thumbs.forEach((thumb) => {
    thumb.canvas.style.width = thumb.canvas.style.height = `${THUMB}px`;
  });
  draw();
  el.append(root);
  paintAll();
  // Often `el` comes into the page later, and only there has it the theme's colours: that is when it gets a size.
  const arrival = new ResizeObserver(paintAll);
  arrival.observe(root);
  const theme = new MutationObserver(paintAll);
  theme.observe(document.body, { attributes: true });
  model.send({ do: "ready" });
  return () => {
    arrival.disconnect();
    theme.disconnect();
  };
}

export default { render };
