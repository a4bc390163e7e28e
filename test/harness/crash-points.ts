import pg from 'pg';

/**
 * Makes the process kill itself at the point that TOLLGATE_CRASH_AT names, the first time it comes there:
 * `request <METHOD> <path>`: before that call to Stripe is sent; `answer <METHOD> <path>`: when its answer has come, `*` standing for any id;
 * `commit <name>`: before the commit of a transaction in which the statement of this name ran; `statement <name>`: before it is sent.
 */
const [where = '', ...words] = (process.env['TOLLGATE_CRASH_AT'] ?? '').split(' ');
const what = words.join(' ');

const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

if (where === 'request' || where === 'answer') {
  const original = globalThis.fetch;
  const [before = '', after] = what.split('*');
  const isMeant = (call: string): boolean =>
    after === undefined
      ? call === what
      : call.startsWith(before) &&
        call.endsWith(after) &&
        !call.slice(before.length, call.length - after.length).includes('/');
  globalThis.fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input));
    const concerned = isMeant(`${init?.method} ${pathname}${search}`);
    if (concerned && where === 'request') die();
    const answer = await original(input, init);
    if (concerned) die();
    return answer;
  };
}

if (where === 'commit' || where === 'statement') {
  const concerned = new WeakSet<object>();
  const original = pg.Client.prototype.query;
  const query = function (this: pg.Client, ...args: unknown[]): unknown {
    const [statement] = args;
    const name = typeof statement === 'object' && statement !== null ? Reflect.get(statement, 'name') : undefined;
    const text = typeof statement === 'object' && statement !== null ? Reflect.get(statement, 'text') : statement;
    if (name === what && where === 'statement') die();
    if (name === what) concerned.add(this);
    if (text === 'commit' && concerned.has(this)) die();
    return Reflect.apply(original, this, args);
  };
  pg.Client.prototype.query = query as typeof original;
}
