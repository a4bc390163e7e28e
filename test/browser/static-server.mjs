import fs from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

/** What a site's own back end answers; here another server's door. */
const handOn = async (request, response, to) => {
  const body = request.method === 'POST' ? await new Response(request).arrayBuffer() : undefined;
  const { authorization } = request.headers;
  const answer = await fetch(to, {
    method: request.method,
    body,
    headers: { ...(authorization && { authorization }) },
  });
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
  response.end(Buffer.from(await answer.arrayBuffer()));
};

/**
 * Serves what a build wrote into a folder, on an origin of its own; the folder may be made later. What is asked below `/demo` goes
 * to the place that `backEnd` gives.
 */
export const serveFolder = async (folder, backEnd = () => undefined) => {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    if (pathname.startsWith('/demo/'))
      return handOn(request, response, new URL(request.url, backEnd())).catch(() => response.writeHead(502).end());
    const file = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    if (!fs.existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
};
