// Forms: look-up fields, and what was typed is not lost by leaving. Without it look-up fields are fields of text.

// Look-up fields: a combobox with a list of what matches (WAI-ARIA: editable, with list autocomplete).
const PAUSE = 150;
const words = document.getElementById("lookup-words")?.dataset ?? {};

class Lookup {
  constructor(field) {
    this.field = field;
    this.options = [];
    this.active = -1;
    this.wrap();
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", this.list.id);
    field.setAttribute("aria-expanded", "false");
    field.addEventListener("input", () => {
      this.named.textContent = "";
      this.askSoon();
    });
    field.addEventListener("keydown", (event) => this.press(event));
    field.addEventListener("click", () => this.ask());
    field.addEventListener("blur", () => this.close());
  }

  wrap() {
    const { field } = this;
    const name = field.labels?.[0]?.textContent.trim() ?? field.getAttribute("aria-label") ?? "";
    const box = document.createElement("div");
    box.className = "lookup";
    field.before(box);
    this.list = document.createElement("ul");
    this.list.id = `${field.id}-offers`;
    this.list.className = "lookup-list";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", name);
    this.list.hidden = true;
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.take(this.options.indexOf(option));
    });
    this.told = document.createElement("span");
    this.told.className = "visually-hidden";
    this.told.setAttribute("role", "status");
    this.named = document.createElement("div");
    this.named.className = "lookup-name hint";
    this.named.setAttribute("aria-live", "polite");
    box.append(field, this.list, this.told, this.named);
  }

  get isOpen() {
    return !this.list.hidden;
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    if (this.field.readOnly || this.field.disabled) return;
    const typed = this.field.value.trim();
    const answer = await fetch(`/lookup/${this.field.dataset.lookup}?q=${encodeURIComponent(typed)}`);
    // Meanwhile something else was typed, or the field was left.
    if (!answer.ok || this.field.value.trim() !== typed || document.activeElement !== this.field) return;
    this.show(await answer.json());
  }

  show(offered) {
    this.options = offered.map(({ value, label }, number) => {
      const option = document.createElement("li");
      option.id = `${this.list.id}-${number}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.value = value;
      option.dataset.label = label;
      const code = document.createElement("span");
      const name = document.createElement("span");
      code.className = "lookup-code";
      code.textContent = value;
      name.textContent = label;
      option.append(code, " ", name);
      return option;
    });
    this.list.replaceChildren(...this.options);
    this.told.textContent = offered.length ? words.found?.replace("{count}", offered.length) : words.none;
    this.move(-1);
    this.list.hidden = offered.length === 0;
    this.field.setAttribute("aria-expanded", String(this.isOpen));
  }

  close() {
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.move(-1);
  }

  move(to) {
    this.options[this.active]?.setAttribute("aria-selected", "false");
    this.active = to;
    const option = this.options[to];
    if (!option) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", option.id);
  }

  take(number) {
    const { value, label } = this.options[number].dataset;
    this.field.value = value;
    this.named.textContent = label;
    this.close();
    this.field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.isComposing) return;
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (!this.isOpen) {
        if (key === "ArrowDown") this.ask();
      } else if (event.altKey) this.close();
      else {
        const by = key === "ArrowDown" ? 1 : -1;
        const count = this.options.length;
        this.move(this.active === -1 && by === -1 ? count - 1 : (this.active + by + count) % count);
      }
    } else if (key === "Enter" && this.isOpen && this.active >= 0) {
      event.preventDefault();
      this.take(this.active);
    } else if (key === "Tab" && this.isOpen && this.active >= 0) {
      this.take(this.active);
    } else if (key === "Escape" && this.isOpen) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }
}

for (const field of document.querySelectorAll("input[data-lookup]")) new Lookup(field);

// Leaving a page asks when something was typed that was not saved.
const written = (form) =>
  JSON.stringify([...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string"));
const guarded = [...document.querySelectorAll("form[data-guard]")].map((form) => ({
  form,
  shown: form.querySelector('[aria-invalid="true"]') ? null : written(form),
  isSent: false,
}));

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  for (const each of guarded) if (each.form === event.target) each.isSent = true;
});

window.addEventListener("pageshow", () => {
  for (const each of guarded) each.isSent = false;
});

window.addEventListener("beforeunload", (event) => {
  if (guarded.some(({ form, shown, isSent }) => !isSent && written(form) !== shown)) event.preventDefault();
});
