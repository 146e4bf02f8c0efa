import { graphql, useFragment } from 'react-relay/hooks';
import { ErrorNotice } from '../../../shared/Notice';
import { Section } from '../../../shared/Section';
import type { Welcome_query$key } from './__generated__/Welcome_query.graphql';
import type { WelcomeAgainQuery } from './__generated__/WelcomeAgainQuery.graphql';
import WELCOME_AGAIN from './__generated__/WelcomeAgainQuery.graphql';
import { useReload } from './useReload';

const WELCOME = graphql`
  fragment Welcome_query on Query @refetchable(queryName: "WelcomeAgainQuery") {
    welcome
  }
`;

export function Welcome({ query }: { query: Welcome_query$key }) {
  const { welcome } = useFragment(WELCOME, query);
  const { error, isBusy, reload } = useReload<WelcomeAgainQuery>(WELCOME_AGAIN, {});
  return (
    <Section title="Welcome" action="Ask again" isBusy={isBusy} onAction={reload}>
      <p className="greeting">{welcome}</p>
      {error && <ErrorNotice error={error} onRetry={reload} />}
    </Section>
  );
}
