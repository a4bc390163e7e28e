// Sockets and nothing else: each gets what Redis publishes on the topic that its address names. A POST publishes there itself.
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';
import { listen, readBody } from './server.mjs';

const FILLER = 'x'.repeat(450);
const { REDIS_URL: url } = process.env;

const publisher = new Redis(url);
const subscriber = new Redis(url);
const socketOf = new Map();
subscriber.on('message', (topic, message) => socketOf.get(topic)?.send(message));

const topicOf = (request) => decodeURIComponent(request.url.slice(1));

const server = listen(async (request, response) => {
  await readBody(request);
  await publisher.publish(topicOf(request), JSON.stringify({ status: 'SUCCESSFUL', filler: FILLER }));
  response.writeHead(200).end('ok');
});

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', async (socket, request) => {
  const topic = topicOf(request);
  socketOf.set(topic, socket);
  socket.once('close', () => {
    socketOf.delete(topic);
    void subscriber.unsubscribe(topic);
  });
  await subscriber.subscribe(topic);
  socket.send('ready');
});
