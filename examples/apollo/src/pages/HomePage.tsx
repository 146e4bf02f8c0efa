import { Account } from '../components/Account';
import { Sessions } from '../components/Sessions';
import { Settings } from '../components/Settings';
import { Welcome } from '../components/Welcome';

export function HomePage({ onForgotPassword }: { onForgotPassword: () => void }) {
  return (
    <>
      <title>Home</title>
      <Account />
      <Welcome />
      <Sessions />
      <Settings onForgotPassword={onForgotPassword} />
    </>
  );
}
