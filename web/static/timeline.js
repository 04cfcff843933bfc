// The timeline goes on as the reader scrolls: the link to earlier entries is followed when it comes into sight.

let loading = false;

async function follow(link) {
  if (loading) return;
  loading = true;
  link.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("[data-timeline]").append(...page.querySelectorAll("[data-timeline] > li"));
    const next = page.querySelector("[data-more]");
    if (next) {
      link.href = next.href;
      watch(link);
    } else {
      link.parentElement.remove();
    }
  } finally {
    loading = false;
    link.removeAttribute("aria-busy");
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      seen.unobserve(entry.target);
      follow(entry.target);
    }
  }
});

function watch(link) {
  seen.unobserve(link);
  seen.observe(link);
}

const more = document.querySelector("[data-more]");
if (more) {
  more.addEventListener("click", (event) => {
    event.preventDefault();
    follow(more);
  });
  watch(more);
}
