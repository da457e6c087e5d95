/** The API as React sees it: what is read is kept and read again when it changed, what is done makes it so. */
import type { CallInput, Calls, Page, RouteId } from '@slipway/fleet-api';
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';

/** Rows asked for at a time. */
const PAGE_ROWS = 100;

/** Reads one call. The name of the call is the first word of its key, so that events can say what is out of date. */
export function useCall<Id extends RouteId>(
  id: Id,
  input: CallInput<Calls[Id]>,
  options: { readonly enabled?: boolean; readonly everyMs?: number } = {},
): UseQueryResult<Calls[Id]['response']> {
  return useQuery({
    queryKey: [id, input],
    queryFn: ({ signal }) => client.call(id, { ...input, signal }),
    enabled: options.enabled ?? true,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  });
}

/** Calls that answer with pages of a list. */
export type ListId = { [Id in RouteId]: Calls[Id]['response'] extends Page<unknown> ? Id : never }[RouteId];
export type ItemOf<Id extends ListId> = Calls[Id]['response'] extends Page<infer Item> ? Item : never;

/** Reads a list page by page, as far as somebody scrolls. */
export function useList<Id extends ListId>(
  id: Id,
  input: CallInput<Calls[Id]>,
  options: { readonly everyMs?: number } = {},
): UseInfiniteQueryResult<InfiniteData<Page<ItemOf<Id>>>> {
  return useInfiniteQuery({
    queryKey: [id, input],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        ...input.query,
        limit: PAGE_ROWS,
        ...(pageParam === undefined ? {} : { cursor: pageParam }),
      };
      return (await client.call(id, { ...input, query, signal } as CallInput<Calls[Id]>)) as Page<ItemOf<Id>>;
    },
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  });
}

/** Does something; afterwards everything shown is read again. */
export function useAction<Id extends RouteId>(
  id: Id,
): UseMutationResult<Calls[Id]['response'], Error, CallInput<Calls[Id]>> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: CallInput<Calls[Id]>) => client.call(id, input),
    onSuccess: () => queries.invalidateQueries(),
  });
}
