// Live progress of a job: server-sent events, and asking again and again where those do not get through.

const panel = document.querySelector("[data-job]");
const bar = panel.querySelector("progress");
const part = (name) => document.querySelector(`[data-job-${name}]`);
const language = document.documentElement.lang;
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const words = JSON.parse(panel.dataset.words);
const FINAL = new Set(["succeeded", "refused", "failed", "canceled"]);
const POLL = 1000;

let ended = false;
let announced = -1;

function duration(seconds) {
  const unit = (value, name) =>
    new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: 0 }).format(value);
  if (seconds < 90) return unit(Math.max(1, seconds), "second");
  return seconds < 5400 ? unit(seconds / 60, "minute") : unit(seconds / 3600, "hour");
}

function show(job) {
  if (ended) return;
  if (FINAL.has(job.state)) {
    ended = true;
    location.reload();
    return;
  }
  const percent = Math.floor(job.progress * 100);
  if (job.total) bar.value = job.progress;
  else bar.removeAttribute("value");
  part("done").textContent = job.total ? `${whole.format(job.done)} / ${whole.format(job.total)}` : whole.format(job.done);
  part("percent").textContent = `${percent} %`;
  part("rate").textContent = job.rate_per_second ? whole.format(job.rate_per_second) : "–";
  const left = job.rate_per_second && job.total ? (job.total - job.done) / job.rate_per_second : null;
  part("left").textContent = left && job.state === "running" ? duration(left) : "–";
  const badge = part("state").querySelector(".state");
  badge.textContent = words.states[job.state] ?? job.state;
  // Screen readers hear every tenth percent, not every change.
  const tenth = Math.floor(percent / 10);
  if (tenth !== announced) {
    announced = tenth;
    part("announce").textContent = `${badge.textContent}, ${percent} %`;
  }
}

let polling = false;
async function poll() {
  if (ended || polling) return;
  polling = true;
  while (!ended) {
    try {
      const answer = await fetch(panel.dataset.poll, { headers: { Accept: "application/json" } });
      if (answer.ok) show(await answer.json());
      else if (answer.status === 401) location.reload();
    } catch {
      // The server is away for a moment; the next try will tell.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

const stream = new EventSource(panel.dataset.events);
const hear = (event) => show(JSON.parse(event.data));
stream.addEventListener("progress", hear);
stream.addEventListener("end", hear);
stream.addEventListener("error", () => {
  stream.close();
  poll();
});
window.addEventListener("pagehide", () => stream.close());
