import {
  FormSelect,
  FormSelectOption,
  SearchInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core';
import { type ReactNode, useState } from 'react';

/** One choice among states; the empty one is all of them. */
export interface Choice {
  readonly name: string;
  readonly label: string;
  readonly options: readonly string[];
}

/** What is filtered by, by name. */
export type Filter = Readonly<Record<string, string>>;

interface FiltersProps {
  readonly choices: readonly Choice[];
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
  /** Fields one types into, by name. */
  readonly searches: Readonly<Record<string, string>>;
}

/** The bar over a list. Words are looked for when Enter is pressed, not while they are typed. */
export function Filters({ choices, filter, onChange, searches }: FiltersProps): ReactNode {
  const change = (name: string, value: string): void => {
    const { [name]: _before, ...rest } = filter;
    onChange(value === '' ? rest : { ...rest, [name]: value });
  };
  return (
    <Toolbar>
      <ToolbarContent>
        {Object.entries(searches).map(([name, label]) => (
          <ToolbarItem key={name}>
            <Search label={label} value={filter[name] ?? ''} onSearch={(value) => change(name, value)} />
          </ToolbarItem>
        ))}
        {choices.map(({ name, label, options }) => (
          <ToolbarItem key={name}>
            <FormSelect
              aria-label={label}
              value={filter[name] ?? ''}
              onChange={(_event, value) => change(name, value)}
            >
              <FormSelectOption value="" label={`${label}: any`} />
              {options.map((option) => (
                <FormSelectOption key={option} value={option} label={option.replaceAll('-', ' ')} />
              ))}
            </FormSelect>
          </ToolbarItem>
        ))}
      </ToolbarContent>
    </Toolbar>
  );
}

interface SearchProps {
  readonly label: string;
  readonly value: string;
  readonly onSearch: (value: string) => void;
}

function Search({ label, value, onSearch }: SearchProps): ReactNode {
  const [text, setText] = useState(value);
  return (
    <SearchInput
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(_event, typed) => setText(typed)}
      onSearch={() => onSearch(text.trim())}
      onClear={() => {
        setText('');
        onSearch('');
      }}
    />
  );
}
