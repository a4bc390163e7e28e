// The other end of an outgoing webhook: reads the message and says that it has it.
import { listen, readBody } from './server.mjs';

listen(async (request, response) => {
  await readBody(request);
  response.writeHead(204).end();
});
