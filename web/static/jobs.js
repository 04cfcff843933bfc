// Jobs on any page: small bars go on, and the user's own jobs announce themselves when they have ended. One light request
// asks for all of them, less and less often, and never while the page is out of sight. Without it pages say it when shown.

const place = document.querySelector("[data-watch]");
const KEPT = "interlog-jobs";
const SOON = 1500;
const SELDOM = 15000;
const MOST_TOASTS = 4;
const GOOD_STAYS = 15000;

const bars = document.querySelectorAll("[data-job-bar]");
const own = new Set(JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
const began = Date.now();

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify([...own].slice(-20)));
}

function announce({ kind, text, url, more }) {
  const toast = document.createElement("div");
  toast.className = `toast-note note is-${kind}`;
  const words = document.createElement("div");
  const link = document.createElement("a");
  link.href = url;
  link.textContent = more;
  words.append(`${text} `, link);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "plain";
  close.setAttribute("aria-label", place.dataset.closeWord);
  close.textContent = "×";
  close.addEventListener("click", () => toast.remove());
  toast.append(words, close);
  while (place.children.length >= MOST_TOASTS) place.firstElementChild.remove();
  place.append(toast);
  if (kind !== "good") return;
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, GOOD_STAYS) : toast.remove());
  setTimeout(leave, GOOD_STAYS);
}

function show(job) {
  for (const bar of bars) {
    if (bar.dataset.jobBar !== job.id) continue;
    const progress = bar.querySelector("progress");
    if (job.progress === null) progress.removeAttribute("value");
    else progress.value = job.progress;
    bar.querySelector("[data-job-text]").textContent = job.text;
    if (!job.ended) continue;
    delete bar.dataset.jobBar;
    progress.value = 1;
    // The page is another one now; what came of the job is told there.
    if ("reload" in bar.dataset) {
      if (bar.dataset.reload === "follow" && job.ended.kind === "good") location.assign(job.ended.url);
      else location.reload();
      return;
    }
  }
  if (job.ended && own.delete(job.id)) announce(job.ended);
}

function watched() {
  const shown = [...bars].map((bar) => bar.dataset.jobBar).filter(Boolean);
  return [...new Set([...own, ...shown])];
}

function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

async function watch() {
  while (watched().length) {
    const pause = Math.min(SELDOM, Math.max(SOON, (Date.now() - began) / 10));
    await new Promise((resolve) => setTimeout(resolve, pause));
    await visible();
    const ids = watched();
    try {
      const answer = await fetch(`${place.dataset.watch}?${ids.map((id) => `id=${id}`).join("&")}`);
      if (answer.redirected || answer.status === 401 || answer.status === 403) return;
      if (!answer.ok) continue;
      const found = await answer.json();
      const known = new Set(found.map((job) => job.id));
      for (const id of own) if (!known.has(id)) own.delete(id);
      found.forEach(show);
      keep();
    } catch {
      // The server is away for a moment; the next try will tell.
    }
  }
}

if (place) {
  for (const id of place.dataset.own.split(" ")) if (id) own.add(id);
  // The page of a job tells of it itself.
  for (const page of document.querySelectorAll("[data-job-shown]")) own.delete(page.dataset.jobShown);
  keep();
  watch();
}
