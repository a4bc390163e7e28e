import { afterAll, beforeAll, expect, test } from 'vitest';
import { confirmUntil, pay } from '../harness/payments.js';
import { ADMIN } from '../harness/refunds.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const WATCH = 'subscription { paymentsChanged { id status version } }';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

test('every payment of the installation is told as it changes, from now on, without first states', async () => {
  const before = await pay(server, await bed.createOrder());
  const watch = server.watch(WATCH, {}, ADMIN);
  await new Promise((resolve) => setTimeout(resolve, 500)); // nothing says that it has begun
  const seen: { id: string; version: number }[] = [];
  const mine = await pay(server, await bed.createOrder());
  await confirmUntil(bed, server, mine);
  await watch.until((row) => {
    seen.push({ id: String(row['id']), version: Number(row['version']) });
    return row['id'] === mine.payment.id && row['status'] === 'SUCCESSFUL';
  });
  expect(seen.map(({ id }) => id)).not.toContain(before.payment.id);
  const versions = seen.filter(({ id }) => id === mine.payment.id).map(({ version }) => version);
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
  expect(new Set(versions).size).toBe(versions.length);
  await confirmUntil(bed, server, before);
  await watch.until((row) => row['id'] === before.payment.id && row['status'] === 'SUCCESSFUL');
  await watch.stop();
});

test('what pub/sub lost shows at the next comparison; what was before stays out', async () => {
  const [old, lost] = [await pay(server, await bed.createOrder()), await pay(server, await bed.createOrder())];
  const watch = server.watch(WATCH, {}, ADMIN);
  await new Promise((resolve) => setTimeout(resolve, 500));
  // A version that nobody tells of.
  await bed.sql.query(
    `with p as (update tollgate.payment set version = version + 1 where id = $1 returning id, version, status)
      insert into tollgate.change (node_type, node_id, version, to_status, actor, published_at)
      select 'PAYMENT', id, version, status, 'job', now() from p`,
    [lost.payment.id],
  );
  await bed.sql.query('delete from tollgate.outbox');
  const seen: unknown[] = [];
  await watch.until((row) => {
    seen.push(row['id']);
    return row['id'] === lost.payment.id;
  }, 15_000);
  expect(seen).not.toContain(old.payment.id);
  await watch.stop();
});

test('it is for those who may read every payment', async () => {
  const watch = server.watch(WATCH, {});
  await expect(watch.next()).rejects.toThrow(/PAYMENT_READ_ANY/);
});
