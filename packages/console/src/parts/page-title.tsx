import { Flex, FlexItem, PageSection, Title } from '@patternfly/react-core';
import { type ReactNode, useEffect } from 'react';

/** Head of a page; also the title of the browser's tab. */
export function PageTitle({
  title,
  actions,
}: {
  readonly title: string;
  readonly actions?: ReactNode;
}): ReactNode {
  useEffect(() => {
    document.title = `${title} · Slipway fleet`;
  }, [title]);
  return (
    <PageSection>
      <Flex justifyContent={{ default: 'justifyContentSpaceBetween' }}>
        <FlexItem>
          <Title headingLevel="h1">{title}</Title>
        </FlexItem>
        {actions !== undefined && <FlexItem>{actions}</FlexItem>}
      </Flex>
    </PageSection>
  );
}
