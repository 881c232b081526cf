// Make it better: the text can be changed, and what was taken out and put in is shown while typing.

const MOST_STEPS = 4e6; // beyond this many comparisons of words, the changed middle is shown as a whole

const wordsOf = (text) => text.match(/\s+|[\p{L}\p{N}_'’]+|[^]/gu) ?? [];

// [["same" | "out" | "in", text], ...]: a shortest edit script, from the longest common subsequence of words.
function difference(before, after) {
  const [a, b] = [wordsOf(before), wordsOf(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const parts = [];
  const put = (kind, word) => {
    if (parts.at(-1)?.[0] === kind) parts.at(-1)[1] += word;
    else parts.push([kind, word]);
  };
  a.slice(0, head).forEach((word) => put("same", word));
  middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), put);
  a.slice(a.length - tail).forEach((word) => put("same", word));
  return parts;
}

function middle(a, b, put) {
  const width = b.length + 1;
  const small = a.length * b.length <= MOST_STEPS;
  const common = new Uint16Array(small ? (a.length + 1) * width : 0); // [i, j]: of a from i on and b from j on
  if (small) {
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        const [right, down] = [common[i * width + j + 1], common[(i + 1) * width + j]];
        common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(right, down);
      }
    }
  }
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (small && i < a.length && j < b.length && a[i] === b[j]) {
      put("same", a[i]);
      [i, j] = [i + 1, j + 1];
    } else if (i < a.length && (j === b.length || !small || common[(i + 1) * width + j] >= common[i * width + j + 1])) put("out", a[i++]);
    else put("in", b[j++]);
  }
}

function render(page) {
  return asking(page, "Change a text", (desk) => {
    const box = make("textarea", { class: "rlhf-edit", "aria-label": "The text, to be changed", rows: "6" });
    const told = make("p", { class: "rlhf-told", id: `rlhf-told-${Math.random().toString(36).slice(2)}` });
    const changes = desk.textBox("What has changed");
    const done = keyButton("", ["Ctrl Enter"], save, "rlhf-main");
    const write = keyButton("Write", ["e"], () => box.focus(), "rlhf-quiet");
    const again = keyButton("Start over", ["0"], startOver, "rlhf-quiet");
    const help = make("p", { class: "rlhf-help" }, make("kbd", { text: "Esc" }), " leaves the text, so that the keys work.");
    let original = "";
    let asWritten = ""; // the original as the page holds it: line ends become \n, which is no change
    box.setAttribute("aria-describedby", told.id);
    done.setAttribute("aria-keyshortcuts", "Control+Enter");
    box.addEventListener("input", tell);
    desk.root.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat || !desk.item()) return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.target.matches("input")) save();
    });

    function part([kind, text]) {
      return kind === "same" ? text : make({ out: "del", in: "ins" }[kind], { text });
    }

    function tell() {
      const parts = difference(asWritten, box.value);
      const count = (kind) => parts.filter((p) => p[0] === kind).flatMap((p) => wordsOf(p[1])).filter((w) => w.trim()).length;
      const changed = box.value !== asWritten;
      changes.replaceChildren(...parts.map(part));
      setText(told, changed ? `${count("out")} out (struck through), ${count("in")} in (underlined)` : "Nothing changed yet");
      setText(done.querySelector(".rlhf-label"), changed ? "Keep my version" : "Good as it is");
      if (desk.item()) desk.drafts.set(desk.item().item, box.value);
      desk.fade();
    }

    function show(item) {
      original = box.value = item.texts[0];
      asWritten = box.value;
      box.value = desk.drafts.get(item.item) ?? asWritten;
      tell();
    }

    function startOver() {
      box.value = asWritten;
      tell();
    }

    function save() {
      const changed = box.value !== asWritten;
      desk.answer(changed ? box.value : original, changed ? "Your version is kept" : "Good as it is", done);
    }

    function key(key, event) {
      if (key === "Escape" && event.target === box) desk.root.focus({ preventScroll: true });
      else if (key === "e") box.focus();
      else if (key === "0") startOver();
      else return false;
      return true;
    }

    const after = make("article", { class: "rlhf-card" }, told, changes);
    return { body: [make("div", { class: "rlhf-cards" }, box, after), help], row: [done, write, again], show, key };
  });
}

export default { render };
