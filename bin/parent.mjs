// npm and npx run a script below a shell and hand a signal to that shell alone. Shells such as dash die of SIGTERM without telling
// their child, so a server would go on as an orphan that holds its port.
const LOOK_EVERY_MS = 200;

/**
 * Below a package manager, takes the end of the parent for the SIGTERM that did not come: what the signal means here happens.
 * Elsewhere a parent may go, as with nohup.
 */
export const endWithParent = () => {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
};
