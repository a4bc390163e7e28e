import { afterAll, beforeAll, expect, test } from 'vitest';
import { PaymentsDocument, RecurringPaymentsDocument } from '../../client/src/operations.js';
import { createRequest } from '../../client/src/requests.js';
import { createTokens } from '../../client/src/tokens.js';
import { openTestBed, type Server, type TestBed, tokenFor } from '../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

test('the lists that the client asks for are within what one operation may cost', async () => {
  const request = createRequest(
    `${server.url}/graphql`,
    createTokens(() => tokenFor('customer')),
  );
  expect((await request(PaymentsDocument, {})).payments.edges).toEqual([]);
  expect((await request(RecurringPaymentsDocument, {})).recurringPayments.edges).toEqual([]);
});
