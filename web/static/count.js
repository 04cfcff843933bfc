// The number of matches, while criteria are being filled. Without it there is the button "Count".

const PAUSE = 350;

for (const form of document.querySelectorAll("form[data-count]")) {
  const shown = form.querySelector("[data-counted]");
  let timer;
  let asked;

  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const body = new FormData(form);
    body.append("count", "1");
    shown.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body,
        headers: { "X-Fragment": "count" },
        signal: asked.signal,
      });
      if (answer.ok) shown.innerHTML = await answer.text();
    } catch (error) {
      if (error.name === "AbortError") return;
      shown.textContent = "";
    }
    shown.removeAttribute("aria-busy");
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
}
