/** The answer to the query `features`. More modes may come, so a mode is any string. */
export interface Features {
  mail: boolean;
  passwordMinLength: number;
  registration: string;
  signInLinks: boolean;
}

/** With mail, a new user signs up by a link; otherwise `register` makes the account at once. */
export function canCreateAccount({ mail, registration }: Features) {
  return registration === 'OPEN' || (registration === 'CONFIRMED' && mail);
}
