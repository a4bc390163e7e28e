/** Text as HTML, also inside attributes. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** An answer that sends the browser on. */
export class Redirect {
  constructor(readonly location: string) {}
}

/** A complete page with a title; `body` is HTML. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem; color: #1a1f36 }
  button { font: inherit; width: 100%; padding: .7rem; margin-top: .7rem; border: 1px solid #635bff; border-radius: 6px; cursor: pointer }
  .primary { background: #635bff; color: #fff } .plain { background: #fff; color: #635bff }
  small { color: #4f566b }
  @media (prefers-color-scheme: dark) {
    :root { color-scheme: dark } body { background: #14161f; color: #e3e8ee } .plain { background: #14161f; color: #a9a3ff } small { color: #a3acb9 }
  }
</style></head><body><main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`;

/** Takes the page's place in the history: going back leads to the shop, not to a bank that has nothing to ask any more. */
const REPLACE = `<script>
document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  form.inert = true;
  const body = new URLSearchParams({ outcome: event.submitter.value, answer: 'json' });
  try {
    const { location: next } = await (await fetch(location.href, { method: 'POST', body })).json();
    if (next) location.replace(next);
    else location.reload();
  } catch {
    form.inert = false;
  }
});
</script>`;

/** The bank's page in 3-D Secure: a customer completes or fails the authentication. */
export const authenticationPage = (amount: string, status: string): string =>
  status === 'requires_action'
    ? page(
        '3D Secure 2 test page',
        `<p>Your bank asks you to confirm <strong>${escapeHtml(amount)}</strong>.</p>
<form method="post"><button class="primary" name="outcome" value="complete">Complete authentication</button>
<button class="plain" name="outcome" value="fail">Fail authentication</button></form>
<p><small>This is a sandbox. No money moves.</small></p>${REPLACE}`,
      )
    : page(
        '3D Secure 2 test page',
        `<p>There is nothing to confirm: the status is <strong>${escapeHtml(status)}</strong>.</p>`,
      );
