import type { Clock } from './clock.js';
import { OWN_PARTITION } from './deliveries.js';
import { newId } from './ids.js';
import type { Kind, StripeObject } from './kind.js';
import type { Resource, Task } from './resource.js';
import type { Scheduler } from './scheduler.js';
import type { OpenScope, Scope } from './scope.js';
import type { Store } from './store.js';

interface TaskRow extends StripeObject {
  readonly account: string;
  readonly livemode: boolean;
  readonly name: string;
  readonly target: string;
  readonly atMs: number;
}
export const taskRows: Kind<TaskRow> = { table: 'task' };

/** What resources asked to have done later; it survives a restart, and each runs once. */
export interface Tasks {
  schedule(scope: Scope, name: string, seconds: number, target: string): void;
  /** After a restart: takes up what was scheduled. */
  resume(): void;
}

export const createTasks = (parts: {
  store: Store;
  clock: Clock;
  scheduler: Scheduler;
  resources: readonly Resource[];
  openScope: () => OpenScope;
}): Tasks => {
  const { store, clock, scheduler } = parts;
  const known = new Map<string, Task>(parts.resources.flatMap(({ tasks }) => Object.entries(tasks ?? {})));

  const arm = (row: TaskRow): void => {
    const task = known.get(row.name);
    if (!task) throw new Error(`The sandbox has no task '${row.name}'.`);
    const run = (): void => {
      store.delete(OWN_PARTITION, taskRows, row.id);
      task.run(parts.openScope()(row), row.target);
    };
    scheduler.at(row.atMs, run, { quiet: task.quiet ?? false });
  };

  return {
    schedule: ({ account, livemode }, name, seconds, target) => {
      const row: TaskRow = {
        id: newId('task'),
        object: 'task',
        account,
        livemode,
        name,
        target,
        // From the whole second that `created` and period ends carry, so that both agree on when it is due.
        atMs: (clock.now() + seconds) * 1_000,
      };
      store.put(OWN_PARTITION, taskRows, row);
      arm(row);
    },
    resume: () => {
      for (const row of [...store.walk(OWN_PARTITION, taskRows, { direction: 'newer' })]) arm(row);
    },
  };
};
