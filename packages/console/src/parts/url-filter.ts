import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { Filter } from './filters.tsx';

/** What a list is filtered by stands in the address, so that it can be sent to somebody, and Back works. */
export function useUrlFilter(names: readonly string[]): readonly [Filter, (filter: Filter) => void] {
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => {
    const known = [...params].filter(([name, value]) => names.includes(name) && value !== '');
    return Object.fromEntries(known);
  }, [params, names]);
  return [filter, (next) => setParams({ ...next })];
}
