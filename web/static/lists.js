// Lists by keyboard and mouse: rows are selected all at once, or a stretch of them with Shift; "j" and "k" go from row to
// row, "x" selects the row. Without it every box can be ticked by hand, and Tab goes through the links.

for (const form of document.querySelectorAll("form.selection")) {
  const boxes = [...document.querySelectorAll(`td.select input[form="${form.id}"]`)];
  const all = document.querySelector(`[data-select-all="${form.id}"]`);
  const count = form.querySelector("[data-selected-count]");
  const selected = form.querySelector('input[name="scope"][value="selected"]');
  let last;

  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    count.textContent = chosen ? `(${form.dataset.words.replace("{count}", chosen)})` : "";
    for (const box of boxes) box.closest("tr").classList.toggle("is-selected", box.checked);
  };
  const change = () => {
    if (selected) selected.checked = true;
    show();
  };

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    change();
  });
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
      }
      last = box;
      change();
    });
  }
  show();
}

// The row that has the focus, in the list that has it, else the first list of the page.
const step = (by) => {
  const here = document.activeElement.closest("table.grid tbody tr");
  const rows = [...(here ? here.parentElement : document.querySelector("table.grid tbody")).rows];
  const next = rows[here ? rows.indexOf(here) + by : by > 0 ? 0 : rows.length - 1];
  next?.querySelector("a, input")?.focus();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (localStorage.getItem("interlog-single-keys") === "off") return;
  const box = event.target.closest("td.select input");
  if (event.target.closest("input, textarea, select") && !box) return;
  // By the place of the key: with a Russian layout they give other letters.
  if (event.code === "KeyJ" || event.code === "KeyK") {
    event.preventDefault();
    step(event.code === "KeyJ" ? 1 : -1);
  } else if (event.code === "KeyX") {
    event.target.closest("tr")?.querySelector("td.select input")?.click();
  }
});
