// Put the texts in order, the best on top: by dragging, by the arrow keys, or by naming the texts in order of merit.

const LETTERS = [..."abcdefhijklmnopqrtvwxyz"]; // g, s and u are the keys for guidelines, skip and undo

function render(page) {
  return asking(page, "Put texts in order", (desk) => {
    const list = make("ol", { class: "rlhf-ranks", "aria-label": "The best on top" });
    const done = keyButton("This is my order", ["Enter"], save, "rlhf-main");
    const again = keyButton("Start over", ["0"], startOver, "rlhf-quiet");
    const help = make("p", { class: "rlhf-help", text:
      "Drag a text, or choose one with ↑ ↓ and move it with Shift ↑ ↓. Or press the letters, the best first." });
    let cards = []; // as shown at first; the list holds them in the person's order
    let named = 0; // how many places are filled by letters
    let dragged = null;

    const order = () => [...list.children].map((card) => cards.indexOf(card));
    const placeOf = (card) => [...list.children].indexOf(card);
    const nameOf = (card) => LETTERS[cards.indexOf(card)]?.toUpperCase() ?? String(cards.indexOf(card) + 1);

    function card(text, i) {
      const box = desk.textBox("");
      setText(box, shownText(text));
      const name = LETTERS[i] ?? String(i + 1);
      const badge = make("kbd", { text: name, "aria-hidden": "true" });
      const place = make("span", { class: "rlhf-place" });
      const handle = make("span", { class: "rlhf-handle", "aria-hidden": "true", title: "Drag to move", onpointerdown: grab },
        make("span", { text: "⠿" }), badge, place);
      const move = (by, said, sign) => make("button", { type: "button", class: "rlhf-button rlhf-quiet",
        "aria-label": `Move text ${name.toUpperCase()} ${said}`, onclick: () => moveTo(node, placeOf(node) + by) },
        make("span", { text: sign }));
      const buttons = make("div", { class: "rlhf-moves-row" }, move(-1, "up", "▲"), move(1, "down", "▼"));
      const node = make("li", { class: "rlhf-card rlhf-rank", tabindex: "0" }, handle, box, buttons);
      return node;
    }

    function show(item) {
      cards = item.texts.map(card);
      arrange(desk.drafts.get(item.item) ?? cards.map((_, i) => i));
    }

    function arrange(positions) {
      if (list.contains(document.activeElement)) desk.root.focus({ preventScroll: true });
      list.replaceChildren(...positions.map((i) => cards[i]));
      named = 0;
      tell();
    }

    function tell() {
      const places = [...list.children];
      places.forEach((card, i) => {
        setText(card.querySelector(".rlhf-place"), `${i + 1}.`);
        card.classList.toggle("rlhf-named", i < named);
        card.setAttribute("aria-label", `Text ${nameOf(card)}, place ${i + 1} of ${places.length}`);
        const [up, down] = card.querySelectorAll("button");
        switchOn(up, i > 0);
        switchOn(down, i < places.length - 1);
      });
      if (desk.item()) desk.drafts.set(desk.item().item, order());
    }

    // Moving a node takes the keyboard from what is inside it; it is given back.
    function moveTo(card, place) {
      if (place < 0 || place >= cards.length || place === placeOf(card)) return;
      const focused = card.contains(document.activeElement) ? document.activeElement : null;
      const others = [...list.children].filter((other) => other !== card);
      list.insertBefore(card, others[place] ?? null);
      focused?.focus({ preventScroll: true });
      tell();
      card.scrollIntoView({ block: "nearest" });
      desk.say(`Text ${nameOf(card)} is now ${place + 1} of ${cards.length}`);
      desk.fade();
    }

    function name(card) {
      if (named === cards.length || placeOf(card) < named) named = 0; // naming it again begins anew
      const place = named;
      named += 1;
      moveTo(card, place);
      tell();
      if (placeOf(card) === place) desk.say(`Text ${nameOf(card)} is ${place + 1} of ${cards.length}`);
    }

    function startOver() {
      arrange(cards.map((_, i) => i));
      desk.say("In the order as first shown");
    }

    function save() {
      desk.answer(order(), `Order kept: ${[...list.children].map(nameOf).join(", ")}`, done);
    }

    function grab(event) {
      if (event.button !== 0) return;
      event.preventDefault(); // no selection of text while dragging
      dragged = event.currentTarget.closest("li");
      dragged.focus({ preventScroll: true });
      dragged.classList.add("rlhf-dragged");
      list.setPointerCapture(event.pointerId); // the list stays in place while its cards move
    }

    list.addEventListener("pointermove", (event) => {
      if (!dragged) return;
      const others = [...list.children].filter((card) => card !== dragged);
      const middle = (card) => card.getBoundingClientRect().top + card.getBoundingClientRect().height / 2;
      moveTo(dragged, others.filter((card) => middle(card) < event.clientY).length);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      list.addEventListener(end, () => {
        dragged?.classList.remove("rlhf-dragged");
        dragged = null;
      });
    }

    function key(key, event) {
      const step = { ArrowUp: -1, ArrowDown: 1 }[key];
      const focused = document.activeElement?.closest("li");
      const chosen = list.contains(focused) ? focused : null;
      if (step && !event.shiftKey && event.target.matches(".rlhf-text")) return false; // a long text is scrolled
      if (step && event.shiftKey) moveTo(chosen ?? list.firstChild, placeOf(chosen ?? list.firstChild) + step);
      else if (step) (chosen ? list.children[placeOf(chosen) + step] : list.children[step > 0 ? 0 : cards.length - 1])?.focus();
      else if (key === "Enter" && !event.target.closest("button, summary")) save();
      else if (key === "0") startOver();
      else if (LETTERS.includes(key) && cards[LETTERS.indexOf(key)]) name(cards[LETTERS.indexOf(key)]);
      else return false;
      return true;
    }

    return { body: [help, list], row: [done, again], show, key };
  });
}

export default { render };
