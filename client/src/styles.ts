/**
 * The components' looks. Every colour and size is a variable that a page sets on any element around them; what it doesn't
 * set follows the page's `color-scheme`. One class deep, so that a rule of two classes replaces any of it.
 */
const STYLES = `
.tollgate, .tollgate-ask, .tollgate-button, .tollgate-error, .tollgate-status {
  --_ink: var(--tollgate-ink, light-dark(#17211d, #e9efec));
  --_soft: var(--tollgate-soft, light-dark(#53615b, #a3b2ac));
  --_ground: var(--tollgate-ground, light-dark(#ffffff, #18201d));
  --_field: var(--tollgate-field, light-dark(#f5f6f3, #101513));
  --_line: var(--tollgate-line, light-dark(#d9dfda, #2d3934));
  --_strong: var(--tollgate-strong-line, light-dark(#7d8b85, #6f807a));
  --_accent: var(--tollgate-accent, light-dark(#0c6b58, #5bd0b1));
  --_on-accent: var(--tollgate-on-accent, light-dark(#ffffff, #06241d));
  --_good: var(--tollgate-good, light-dark(#136c3a, #74d99a));
  --_good-ground: var(--tollgate-good-ground, light-dark(#e0f3e6, #12321f));
  --_bad: var(--tollgate-bad, light-dark(#a3262a, #ff9d9a));
  --_bad-ground: var(--tollgate-bad-ground, light-dark(#fbe5e4, #3d1a1b));
  --_wait: var(--tollgate-wait, light-dark(#7a4d00, #f2c063));
  --_wait-ground: var(--tollgate-wait-ground, light-dark(#fbefd5, #3a2b0c));
  --_calm-ground: var(--tollgate-calm-ground, light-dark(#e9ecea, #26302c));
  --_radius: var(--tollgate-radius, 12px);
  --_gap: var(--tollgate-gap, 1rem);
}
.tollgate {
  box-sizing: border-box;
  display: grid;
  gap: var(--_gap);
  padding: var(--tollgate-padding, 1.25rem);
  border: 1px solid var(--_line);
  border-radius: var(--_radius);
  color: var(--_ink);
  background: var(--_ground);
  font: var(--tollgate-font, inherit);
  overflow-wrap: anywhere;
}
.tollgate-stack { display: grid; gap: var(--_gap); min-width: 0; margin: 0; padding: 0; border: 0; }
.tollgate-row { display: flex; flex-wrap: wrap; gap: 0.75rem; }
.tollgate-row > * { flex: 1 1 9rem; min-width: 0; }
.tollgate-title { margin: 0; font-size: 1.125rem; line-height: 1.3; }
.tollgate-text { margin: 0; }
.tollgate-soft { margin: 0; color: var(--_soft); font-size: 0.875rem; }
.tollgate-legend { padding: 0; margin: 0 0 0.4rem; font-weight: 600; font-size: 0.875rem; }
.tollgate-status { display: inline-block; padding: 0.1em 0.6em; border-radius: 99px; font-size: 0.8125rem; font-weight: 600; white-space: nowrap; vertical-align: 0.1em; background: var(--_calm-ground); color: var(--_ink); }
.tollgate-good { color: var(--_good); background: var(--_good-ground); }
.tollgate-bad { color: var(--_bad); background: var(--_bad-ground); }
.tollgate-wait { color: var(--_wait); background: var(--_wait-ground); }
.tollgate-error { margin: 0; padding: 0.75rem 1rem; border-radius: 8px; color: var(--_bad); background: var(--_bad-ground); }
.tollgate-button { box-sizing: border-box; min-height: 2.75rem; padding: 0.5rem 1rem; font: inherit; font-weight: 600; color: var(--_accent); background: transparent; border: 1px solid var(--_accent); border-radius: 8px; cursor: pointer; }
.tollgate-primary { color: var(--_on-accent); background: var(--_accent); }
.tollgate-quiet { color: var(--_soft); border-color: var(--_strong); justify-self: start; }
.tollgate-button:disabled { opacity: 0.6; cursor: default; }
.tollgate-button:focus-visible, .tollgate-input:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }
.tollgate-chips { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0; padding: 0; border: 0; }
.tollgate-chip { min-height: 2.25rem; padding: 0.25rem 0.75rem; font-size: 0.875rem; }
.tollgate-field { display: grid; gap: 0.25rem; align-content: start; font-weight: 600; font-size: 0.875rem; }
.tollgate-input { box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: 0.5rem 0.75rem; font: inherit; font-weight: 400; font-size: 1rem; color: inherit; background: var(--_field); border: 1px solid var(--_strong); border-radius: 8px; }
.tollgate-check { display: flex; gap: 0.6rem; align-items: center; min-height: 2.75rem; }
.tollgate-check > input { width: 1.15rem; height: 1.15rem; margin: 0; accent-color: var(--_accent); }
.tollgate-list { display: grid; margin: 0; padding: 0; list-style: none; }
.tollgate-item { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; padding: 0.6rem 0; border-top: 1px solid var(--_line); }
.tollgate-item:first-child { border-top: 0; }
.tollgate-grow { flex: 1 1 9rem; }
.tollgate-link { color: var(--_accent); text-underline-offset: 0.2em; }
.tollgate-ask { flex: 1 1 100%; display: grid; gap: 0.5rem; margin: 0; padding: 0.75rem 1rem; border: 1px solid var(--_line); border-radius: 8px; }
`;

/** Gives a document the components' looks, once: a sheet made by script needs no exception in a content security policy. */
export const adoptStyles = (page: globalThis.Document): void => {
  const isThere = page.adoptedStyleSheets.some((sheet) => sheet.cssRules[0]?.cssText.includes('--_strong'));
  if (isThere || typeof CSSStyleSheet !== 'function') return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  page.adoptedStyleSheets = [...page.adoptedStyleSheets, sheet];
};
