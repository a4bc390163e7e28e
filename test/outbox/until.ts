/** Waits until the condition holds, asking on, ever less often; fails after a minute, since a busy machine may be ten times slower. */
export const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const deadline = performance.now() + 60_000;
  for (let pauseMs = 5; !(await holds()); pauseMs = Math.min(pauseMs * 1.3, 150)) {
    if (performance.now() > deadline) throw new Error(`It did not come to pass: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
};
