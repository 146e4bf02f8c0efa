import './workers';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './fonts.css';
import './style.css';
import './narrow.css';
import { createRoot } from 'react-dom/client';
import { keepToken } from './mail_links';
import { Playground } from './playground';
import { send } from './requests';
import { Session } from './session';
import { onAnnouncement, surroundings } from './surroundings';

function hideToken() {
  const fragment = keepToken(location.hash);
  if (fragment) history.replaceState(null, '', fragment);
}

hideToken();
addEventListener('hashchange', hideToken);

const session = new Session(send, surroundings);
onAnnouncement(() => void session.follow());
void session.resume();

const root = document.getElementById('root');
if (root) createRoot(root).render(<Playground session={session} />);
