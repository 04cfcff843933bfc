// Selecting rows of a list: all on the page at once, and how many there are. Without it every box can be ticked by hand.
for (const form of document.querySelectorAll("form.selection")) {
  const boxes = [...document.querySelectorAll(`td.select input[form="${form.id}"]`)];
  const all = document.querySelector(`[data-select-all="${form.id}"]`);
  const count = form.querySelector("[data-selected-count]");
  const selected = form.querySelector('input[name="scope"][value="selected"]');

  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    count.textContent = chosen ? `(${form.dataset.words.replace("{count}", chosen)})` : "";
  };

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    selected.checked = true;
    show();
  });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      selected.checked = true;
      show();
    });
  }
  show();
}
