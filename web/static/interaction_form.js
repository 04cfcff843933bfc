// Create Interaction fills itself as the user goes: what applies now is asked of the server, which knows the rules, and
// shown beside the fields. Nothing that was typed is touched.

const form = document.querySelector("[data-fill-in]");
const DECIDING = new Set(["contact_no", "template_code", "language_code", "description", "phone_call"]);
let asked = 0;

function take(now, field) {
  const shown = now.getElementById(field.id);
  if (!shown) return;
  if (shown.placeholder !== undefined) field.placeholder = shown.placeholder;
  const first = shown.options?.[0];
  if (first && first.value === "") field.options[0].textContent = first.textContent;
  const hint = document.getElementById(`${field.id}-hint`);
  const newer = now.getElementById(`${field.id}-hint`);
  if (hint && newer) hint.replaceWith(newer);
  else if (hint) hint.remove();
  else if (newer) field.closest(".field").append(newer);
}

async function fillIn() {
  const number = ++asked;
  const data = new FormData(form);
  data.set("do", "fill_in");
  const answer = await fetch(location.href, { method: "POST", body: data });
  if (!answer.ok || number !== asked) return;
  const now = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const field of form.querySelectorAll("input[id], select[id], textarea[id]")) take(now, field);
  form.dataset.filled = String(number);
}

if (form) {
  for (const button of form.querySelectorAll("[data-without-script]")) button.hidden = true;
  form.addEventListener("change", (event) => {
    if (DECIDING.has(event.target.name)) fillIn();
  });
}
