// What makes pages pleasanter. Without it everything still works.

const menus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  for (const menu of menus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// Questions before what cannot be undone, as a dialog. The server asks by itself when the answer is missing.
function ask(form) {
  const dialog = document.getElementById("confirm-template").content.firstElementChild.cloneNode(true);
  dialog.querySelector("h2").textContent = form.dataset.confirmTitle;
  dialog.querySelector("p").textContent = form.dataset.confirm;
  const yes = dialog.querySelector('button[value="yes"]');
  yes.textContent = form.dataset.confirmYes;
  yes.addEventListener("click", () => {
    const answer = document.createElement("input");
    answer.type = "hidden";
    answer.name = "confirmed";
    answer.value = "yes";
    form.append(answer);
    dialog.close();
    form.requestSubmit();
  });
  dialog.querySelector('button[value="no"]').addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const buttonsOf = (form) => [...form.elements].filter((each) => each.type === "submit");

// A form is sent once: a second press while the first is on its way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !form.elements.confirmed) {
    event.preventDefault();
    ask(form);
    return;
  }
  if (form.method !== "post" || "download" in form.dataset) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
  for (const button of buttonsOf(form)) button.setAttribute("aria-disabled", "true");
});

// Coming back with the browser's Back button, forms can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.elements.confirmed?.remove();
    for (const button of buttonsOf(form)) {
      button.removeAttribute("aria-busy");
      button.removeAttribute("aria-disabled");
    }
  }
});

// Links that open a dialog of the same page instead of their own page.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    document.getElementById(opener.dataset.dialog).showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});

// Shortcuts: "/" filters a list, "n" makes a new one, Ctrl+S saves; whatever carries one in this page. Single keys can be
// switched off in the list that "?" shows.
const SINGLE_KEYS = "interlog-single-keys";
const shortcuts = document.getElementById("shortcuts");

function nameOf(target) {
  const label = target.labels?.[0]?.textContent ?? target.getAttribute("aria-label") ?? target.textContent;
  return label.trim();
}

function keysOf(shortcut) {
  const words = JSON.parse(shortcuts.dataset.words);
  return shortcut.split("+").map((key) => {
    const shown = document.createElement("kbd");
    shown.textContent = words[key] ?? key.toUpperCase();
    return shown;
  });
}

function showShortcuts() {
  const section = shortcuts.querySelector("[data-page-keys]");
  const rows = [...document.querySelectorAll("[data-shortcut]:not([data-search])")].map((target) => {
    const row = document.createElement("div");
    const keys = document.createElement("dt");
    const what = document.createElement("dd");
    keys.append(...keysOf(target.dataset.shortcut));
    what.textContent = nameOf(target);
    row.append(keys, what);
    return row;
  });
  section.hidden = rows.length === 0;
  section.querySelector("dl").replaceChildren(...rows);
  shortcuts.showModal();
}

if (shortcuts) {
  const single = shortcuts.querySelector("#single-keys");
  single.checked = localStorage.getItem(SINGLE_KEYS) !== "off";
  single.addEventListener("change", () => localStorage.setItem(SINGLE_KEYS, single.checked ? "on" : "off"));
  for (const opener of document.querySelectorAll("[data-dialog=shortcuts]")) {
    opener.hidden = false;
    opener.addEventListener("click", (event) => {
      event.stopImmediatePropagation();
      opener.closest("details").open = false;
      showShortcuts();
    });
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  const control = event.ctrlKey || event.metaKey;
  if ((typing && !control) || event.altKey || document.querySelector("dialog[open]")) return;
  if (!control && event.key.length === 1 && localStorage.getItem(SINGLE_KEYS) === "off") return;
  if (event.key === "?" && !control && shortcuts) {
    event.preventDefault();
    showShortcuts();
    return;
  }
  // With another keyboard layout the letter is another one: then the place of the key counts.
  const letter = /^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key) ? event.code.slice(3).toLowerCase() : event.key;
  const name = (control ? "Control+" : "") + letter;
  const target = document.querySelector(`[data-shortcut="${CSS.escape(name)}"]`);
  if (!target) return;
  if (name === "PageUp" && window.scrollY > 4) return;
  if (name === "PageDown" && window.innerHeight + window.scrollY < document.body.scrollHeight - 4) return;
  event.preventDefault();
  if (target.matches("input")) target.focus();
  else target.click();
});

// Rows of a form: one more row, with names and ids that count on.
for (const rows of document.querySelectorAll("[data-rows]")) {
  const button = rows.querySelector("[data-add-row]");
  const body = rows.querySelector("tbody");
  if (body.querySelector("[disabled]")) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const count = body.rows.length;
    const row = body.rows[count - 1].cloneNode(true);
    for (const fault of row.querySelectorAll(".fault")) fault.remove();
    for (const input of row.querySelectorAll("input, select, textarea")) {
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.name = input.name.replace(/-\d+-/, `-${count}-`);
      input.id = input.id.replace(/-\d+-/, `-${count}-`);
    }
    body.append(row);
    row.querySelector("input, select, textarea").focus();
  });
}

// On a phone a row of a list is a card (by the style sheet), where each value carries the head of its column.
for (const table of document.querySelectorAll("table.grid:not(.is-narrow)")) {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((head) => head.textContent.replace(/[▲▼↕]/g, "").trim());
  for (const cell of table.querySelectorAll("tbody td")) {
    const label = heads[cell.cellIndex];
    if (label) cell.dataset.label = label;
    const says = cell.classList.contains("flag") ? cell.querySelector("svg") : cell.textContent.trim();
    if (!says && !cell.querySelector("input, progress")) cell.dataset.blank = "";
  }
  table.classList.add("is-labelled");
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.copied;
  });
}

// The first field with a fault gets the focus, so that what to mend is at hand.
document.querySelector('[aria-invalid="true"]')?.focus();
