import http from 'node:http';
import pg from 'pg';

/**
 * Makes the process kill itself at the point that TOLLGATE_CRASH_AT names, the first time it comes there:
 * `request <METHOD> <path>`: before that call to Stripe is sent; `answer <METHOD> <path>`: when its answer has come;
 * `commit <name>`: before the commit of a transaction in which the statement of this name ran.
 */
const [where = '', ...words] = (process.env['TOLLGATE_CRASH_AT'] ?? '').split(' ');
const what = words.join(' ');

const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

const isCall = (options: unknown): boolean =>
  typeof options === 'object' &&
  options !== null &&
  `${Reflect.get(options, 'method')} ${Reflect.get(options, 'path')}` === what;

if (where === 'request' || where === 'answer') {
  const original = http.request;
  const request = (...args: Parameters<typeof original>): http.ClientRequest => {
    const concerned = args.some(isCall);
    if (concerned && where === 'request') die();
    const sent = original(...args);
    if (concerned) sent.prependListener('response', die);
    return sent;
  };
  http.request = request as typeof original;
}

if (where === 'commit') {
  const concerned = new WeakSet<object>();
  const original = pg.Client.prototype.query;
  const query = function (this: pg.Client, ...args: unknown[]): unknown {
    const [statement] = args;
    const name = typeof statement === 'object' && statement !== null ? Reflect.get(statement, 'name') : undefined;
    const text = typeof statement === 'object' && statement !== null ? Reflect.get(statement, 'text') : statement;
    if (name === what) concerned.add(this);
    if (text === 'commit' && concerned.has(this)) die();
    return Reflect.apply(original, this, args);
  };
  pg.Client.prototype.query = query as typeof original;
}
