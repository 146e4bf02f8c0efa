import { Account } from '../components/Account';
import { Sessions } from '../components/Sessions';
import { Welcome } from '../components/Welcome';

export function HomePage() {
  return (
    <>
      <title>Home</title>
      <Account />
      <Welcome />
      <Sessions />
    </>
  );
}
