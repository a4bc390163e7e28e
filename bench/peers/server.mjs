import { createServer } from 'node:http';

/** Serves on a free port of 127.0.0.1 and prints the address. */
export const serve = (listener) => {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
  process.once('SIGTERM', () => process.exit(0));
  return server;
};

/** The same for a handler that may fail: that is answered with 500. */
export const listen = (handle) =>
  serve((request, response) => {
    handle(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });

/** A request's bytes. */
export const readBody = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};
