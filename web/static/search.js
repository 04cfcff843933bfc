// Search for page or report, on every page: the server finds, the keyboard chooses. Without it the link leads to a page.

const dialog = document.getElementById("search-dialog");
const input = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const form = dialog.querySelector("form");
const PAUSE = 90;

let timer;
let asked;
let shown = null;
let chosen = -1;

const options = () => [...list.querySelectorAll("a")];

function choose(index) {
  const all = options();
  all[chosen]?.setAttribute("aria-selected", "false");
  chosen = all.length ? (index + all.length) % all.length : -1;
  const option = all[chosen];
  if (!option) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

// The groups of links that the server sends become groups of options.
function show(html) {
  list.innerHTML = html;
  for (const group of list.querySelectorAll("section")) group.setAttribute("role", "group");
  for (const part of list.querySelectorAll("h2, ul, li")) part.setAttribute("role", "presentation");
  options().forEach((option, index) => {
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.id = `hit-${index}`;
    option.tabIndex = -1;
  });
  list.scrollTop = 0;
  chosen = -1;
  choose(0);
}

async function ask() {
  const typed = input.value.trim();
  if (typed === shown) return true;
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await fetch(`${form.action}?q=${encodeURIComponent(typed)}`, {
      headers: { "X-Fragment": "results" },
      signal: asked.signal,
    });
    if (answer.redirected || answer.status === 401) location.reload();
    if (!answer.ok) return false;
    show(await answer.text());
    shown = typed;
    return true;
  } catch {
    return false;
  }
}

function open() {
  if (document.querySelector("dialog[open]")) return;
  dialog.showModal();
  input.select();
  ask();
}

for (const link of document.querySelectorAll("[data-search]")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
});

input.addEventListener("keydown", (event) => {
  // The field would only be emptied.
  if (event.key === "Escape") {
    event.preventDefault();
    dialog.close();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && !event.altKey) {
    event.preventDefault();
    choose(chosen + step);
  }
});

// Enter opens what is chosen of the results for what has been typed by now; if they do not come, the page searches.
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  const done = await ask();
  const option = options()[chosen];
  if (done && option) location.assign(option.href);
  else location.assign(`${form.action}?q=${encodeURIComponent(input.value.trim())}`);
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
