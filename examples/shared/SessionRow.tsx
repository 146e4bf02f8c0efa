import { ErrorNotice } from './Notice';

interface SessionRowProps {
  error: unknown;
  onEnd: () => void;
  session: {
    current: boolean;
    createdAt: string;
    lastUsedAt: string;
    ipAddress?: string | null;
    userAgent?: string | null;
  };
}

const dateTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const format = (iso: string) => dateTime.format(new Date(iso));

/** Names browser and system, so that people can tell their devices apart. */
function device(userAgent = '') {
  const browser = /Firefox|Edg|Chrome|Safari/.exec(userAgent)?.[0].replace('Edg', 'Edge');
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(userAgent)?.[0];
  return browser && system ? `${browser} on ${system}` : userAgent || 'Unknown device';
}

export function SessionRow({ error, onEnd, session }: SessionRowProps) {
  return (
    <li>
      <div>
        <strong>{device(session.userAgent ?? undefined)}</strong>
        {session.current && <span className="badge">This device</span>}
        <p>
          Signed in {format(session.createdAt)}
          <br />
          Last used {format(session.lastUsedAt)}, from{' '}
          {session.ipAddress ?? 'an unknown IP address'}
        </p>
        {Boolean(error) && <ErrorNotice error={error} />}
      </div>
      {!session.current && (
        <button type="button" onClick={onEnd}>
          End
        </button>
      )}
    </li>
  );
}
