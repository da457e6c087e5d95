import type { ServerCalls } from '@slipway/fleet-api';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import type { Handlers } from '../http/handler.ts';
import { notFound } from '../http/problem.ts';
import { presentOperation, SHOWN, selectOperations } from './operation-store.ts';

export const OPERATION_HANDLERS: Handlers<Pick<ServerCalls, 'operations.list' | 'operations.get'>> = {
  'operations.list': async ({ query, context }) => {
    const at = Number(afterOf(query) ?? 0);
    const select = selectOperations(context);
    const { count } = await select
      .select((counting) => counting.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    const rows = await select
      .select(SHOWN)
      .orderBy('created_ms', 'desc')
      .orderBy('id')
      .offset(at)
      .limit(limitOf(query) + 1)
      .execute();
    const placed = rows.map((row, index) => ({ row, at: at + index + 1 }));
    return {
      body: pageOf(
        placed,
        query,
        count,
        (each) => String(each.at),
        ({ row }) => presentOperation(row),
      ),
    };
  },

  'operations.get': async ({ params, context }) => {
    const row = await selectOperations(context).select(SHOWN).where('id', '=', params.id).executeTakeFirst();
    if (row === undefined) throw notFound('operation', params.id);
    return { body: presentOperation(row) };
  },
};
