import { takeFocus } from './focus';
import { ErrorNotice } from './Notice';

interface AccountHeaderProps {
  error: unknown;
  onLogout: () => void;
  onLogoutEverywhere: () => void;
  user?: { firstName: string; lastName: string; email: string } | null;
}

export function AccountHeader({ error, onLogout, onLogoutEverywhere, user }: AccountHeaderProps) {
  return (
    <header className="account">
      <div>
        <h1 ref={takeFocus} tabIndex={-1}>
          {user?.firstName} {user?.lastName}
        </h1>
        <span>{user?.email}</span>
      </div>
      <nav aria-label="Account">
        <button type="button" onClick={onLogout}>
          Log out
        </button>
        <button type="button" onClick={onLogoutEverywhere}>
          Log out everywhere
        </button>
      </nav>
      {Boolean(error) && <ErrorNotice error={error} />}
    </header>
  );
}
