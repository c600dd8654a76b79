"use strict";
// Shows the fields that a schedule has, and what the form means before it is saved.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("chore_form");
  const preview = document.getElementById("preview");
  if (!form || !preview) return;
  const shown = {
    interval: (v) => v.schedule === "calendar" && v.repeats !== "own",
    repeats: (v) => v.schedule === "calendar",
    weekdays: (v) =>
      v.schedule === "calendar" && ["week", "month_weekday"].includes(v.repeats),
    ordinal: (v) => v.schedule === "calendar" && v.repeats === "month_weekday",
    months: (v) => v.schedule === "calendar" && v.repeats !== "own",
    every_days: (v) => v.schedule === "after",
    grace_days: (v) => v.schedule === "calendar",
    max_per_day: (v) => v.schedule === "anytime",
    turn_every: (v) => v.assign === "turns",
  };
  const row = (name) => {
    const field = form.querySelector(`.field-${name}`);
    return field && (field.closest(".fieldBox") || field);
  };
  const toggle = () => {
    const values = Object.fromEntries(new FormData(form));
    for (const [name, rule] of Object.entries(shown)) {
      const element = row(name);
      if (element) element.hidden = !rule(values);
    }
  };
  let timer;
  const update = () => {
    toggle();
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const data = new FormData(form);
      const change = location.pathname.match(/(\d+)\/change\/$/);
      if (change) data.set("chore", change[1]);
      const base = location.pathname.replace(/(add|\d+\/change)\/$/, "");
      const answer = await fetch(`${base}preview/`, { method: "POST", body: data });
      if (answer.ok) preview.innerHTML = await answer.text();
    }, 250);
  };
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  if (window.django && window.django.jQuery) {
    window.django.jQuery(form).on("select2:select", update);
  }
  toggle();
});
