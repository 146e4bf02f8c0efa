import { GraphiQL } from 'graphiql';
import { ActiveTab } from './active_tab';
import { createFetcher } from './fetcher';
import { LinkOpener } from './link_opener';
import { READY_OPERATIONS } from './operations';
import { send } from './requests';
import { ResponseHint } from './response_hint';
import type { Session } from './session';
import { SessionBar } from './session_bar';
import { CleanStorage } from './storage';
import { SystemTheme } from './system_theme';
import { firstTab } from './tabs';
import { LinkButton } from './toolbar';

const storage = new CleanStorage(localStorage);
const first = firstTab(storage);

export function Playground({ session }: { session: Session }) {
  return (
    <>
      <SessionBar session={session} />
      <main>
        <GraphiQL
          fetcher={createFetcher(send, session)}
          storage={storage}
          defaultTabs={READY_OPERATIONS.map(({ query, variables }) => ({ query, variables }))}
          initialQuery={first.query ?? ''}
          initialVariables={first.variables ?? ''}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
          inputValueDeprecation
        >
          <GraphiQL.Logo> </GraphiQL.Logo>
          <GraphiQL.Toolbar>
            {({ prettify, merge, copy }) => (
              <>
                {prettify}
                {merge}
                {copy}
                <LinkButton />
              </>
            )}
          </GraphiQL.Toolbar>
          <GraphiQL.Footer>
            <ResponseHint />
          </GraphiQL.Footer>
          <ActiveTab />
          <LinkOpener session={session} />
          <SystemTheme />
        </GraphiQL>
      </main>
    </>
  );
}
