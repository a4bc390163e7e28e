// The ceiling: a server that verifies a signature and answers.
import Stripe from 'stripe';
import { listen, readBody } from './server.mjs';

const { WEBHOOK_SECRET: secret } = process.env;

listen(async (request, response) => {
  Stripe.webhooks.constructEvent(await readBody(request), request.headers['stripe-signature'], secret);
  response.writeHead(200).end('ok');
});
