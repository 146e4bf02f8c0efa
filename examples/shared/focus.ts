/** The `ref` of what replaces the element that had the focus. */
export const takeFocus = (element: HTMLElement | null) => element?.focus();
