// The consent banner. The visitor's choice goes to two places: the shop's own cookie, so that it
// is remembered, and Throughline, which may then keep (or must drop) its own.
(() => {
  const banner = document.getElementById("consent");
  if (!banner) return;

  /** @param {string} choice */
  async function decide(choice) {
    if (banner) banner.hidden = true;
    // A blocker may have kept the snippet away; the shop works without it.
    const { tl } = /** @type {any} */ (window);
    await Promise.allSettled([
      tl?.consent(choice),
      fetch("/consent", { method: "POST", body: new URLSearchParams({ choice }) }),
    ]);
    document.documentElement.dataset.consentSaved = choice;
  }

  const choices = [...banner.querySelectorAll("button")];
  for (const button of choices) {
    button.addEventListener("click", () => decide(button.dataset.choice ?? "code"));
  }
  // Absent when the browser itself has answered (Global Privacy Control).
  const opener = document.getElementById("consent-open");
  if (opener) {
    opener.hidden = false;
    opener.addEventListener("click", () => {
      banner.hidden = false;
      choices[0]?.focus();
    });
  }
  if ("ask" in banner.dataset) banner.hidden = false;
})();
