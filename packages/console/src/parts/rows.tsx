import { Bullseye, EmptyState, EmptyStateBody, Spinner } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { Page } from '@slipway/fleet-api';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import { counted } from './counted.ts';
import { ProblemAlert } from './problem-alert.tsx';

/** One column of a list. */
export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item) => ReactNode;
  /** Per cent of the width. */
  readonly width?: 10 | 15 | 20 | 25 | 30 | 35 | 40;
}

interface RowsProps<Item> {
  readonly label: string;
  readonly list: UseInfiniteQueryResult<InfiniteData<Page<Item>>>;
  readonly columns: readonly Column<Item>[];
  readonly keyOf: (item: Item) => string;
  /** What an empty list means. */
  readonly empty: string;
}

const ROW_PIXELS = 44;
const ROWS_BEYOND = 10;

/**
 * A list of any length: pages are asked for as somebody scrolls, and only rows in sight are in the document, so that a hundred
 * thousand devices are as quick as ten.
 */
export function Rows<Item>(props: RowsProps<Item>): ReactNode {
  const { label, list, empty } = props;
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const total = list.data?.pages[0]?.total ?? 0;
  if (list.error !== null) return <ProblemAlert error={list.error} />;
  if (list.data === undefined) {
    return (
      <Bullseye>
        <Spinner aria-label={`Loading ${label}`} />
      </Bullseye>
    );
  }
  if (items.length === 0) {
    return (
      <EmptyState titleText={`No ${label}`} headingLevel="h2">
        <EmptyStateBody>{empty}</EmptyStateBody>
      </EmptyState>
    );
  }
  return (
    <>
      <p className="slipway-count" role="status">
        {counted(total, label)}
      </p>
      <ScrolledTable {...props} items={items} total={total} />
    </>
  );
}

interface ScrolledTableProps<Item> extends RowsProps<Item> {
  readonly items: readonly Item[];
  readonly total: number;
}

function ScrolledTable<Item>({
  label,
  list,
  columns,
  keyOf,
  items,
  total,
}: ScrolledTableProps<Item>): ReactNode {
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PIXELS,
    overscan: ROWS_BEYOND,
  });
  const visible = rows.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= items.length - ROWS_BEYOND) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, items.length]);
  const above = visible[0]?.start ?? 0;
  const below = rows.getTotalSize() - (visible.at(-1)?.end ?? 0);
  return (
    <section ref={scroller} className="slipway-rows" tabIndex={0} aria-label={`${label}, scrollable`}>
      <Table aria-label={label} aria-rowcount={total + 1} isStickyHeader variant="compact">
        <Thead>
          <Tr aria-rowindex={1}>
            {columns.map(({ title, width }) => (
              <Th key={title} {...(width === undefined ? {} : { width })}>
                {title}
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          <Spacer pixels={above} columns={columns.length} />
          {visible.flatMap(({ index }) => {
            const item = items[index];
            if (item === undefined) return [];
            return [
              <Tr key={keyOf(item)} aria-rowindex={index + 2}>
                {columns.map(({ title, cell }) => (
                  <Td key={title} dataLabel={title}>
                    {cell(item)}
                  </Td>
                ))}
              </Tr>,
            ];
          })}
          <Spacer pixels={below} columns={columns.length} />
        </Tbody>
      </Table>
    </section>
  );
}

/** Stands for the rows that are out of sight. */
function Spacer({ pixels, columns }: { readonly pixels: number; readonly columns: number }): ReactNode {
  if (pixels <= 0) return null;
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ height: pixels, padding: 0, border: 0 }} />
    </tr>
  );
}
