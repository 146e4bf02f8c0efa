import type { Plugin } from 'vite';

/**
 * What no option or stylesheet of GraphiQL changes. Most is what axe-core finds in it (graphql/graphiql
 * issue 3422): tabs that contain buttons, labels that hide the text of a button, and faint text.
 */
const PATCHES: Record<string, [string, string][]> = {
  '/graphiql/dist/GraphiQL.js': [
    ['role: "tabpanel"', 'role: "region"'],
    ['jsx(Tab.Button, {', 'jsx(Tab.Button, { "aria-current": index_1 === activeTabIndex,'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code.
    ['jsx(Tab.Close, {', 'jsx(Tab.Close, { "aria-label": `Close ${tab.title}`,'],
  ],
  '/@graphiql/react/dist/components/tabs/index.js': [
    ['role: "tablist",', ''],
    ['role: "tab",', ''],
    ['"aria-selected": isActive,', ''],
  ],
  // Its text is the name of the button that it belongs to.
  '/@graphiql/react/dist/components/tooltip/index.js': [
    ['jsx(T.Content, {', 'jsx(T.Content, { "aria-hidden": true,'],
    // Below a button it covers the next one.
    ['"bottom"', '"right"'],
  ],
  // Without a trigger, Radix does not know what had the focus.
  '/@graphiql/react/dist/components/dialog/index.js': [
    [
      'jsx(D.Content, {',
      `jsx(D.Content, {
        onOpenAutoFocus: ({ currentTarget }) => { currentTarget.opener = document.activeElement; },
        onCloseAutoFocus: ({ currentTarget }) => currentTarget.opener.focus(),`,
    ],
  ],
  '/@graphiql/react/dist/constants.js': [
    ['"#908aff"', '"#908aff" }, { token: "comment", foreground: "#7caf69"'],
    [
      '"#6c69ce"',
      '"#6c69ce" }, { token: "number", foreground: "#08744c" }, { token: "invalid", foreground: "#c00000"',
    ],
  ],
  '/@graphiql/react/dist/utility/create-editor.js': [
    // Enter leads into an editor, where Tab inserts spaces; so Escape has to lead out (WCAG 2.1.2).
    [
      'el = event.currentTarget;',
      'el = event.currentTarget; event.code === "Escape" && el.focus();',
    ],
    // On a narrow screen the page scrolls, also over an editor that has nothing to scroll.
    ['scrollbar: {', 'scrollbar: { alwaysConsumeMouseWheel: false,'],
    ['fontSize: 15,', 'fontSize: 15, wordWrap: "on", renderFinalNewline: "on",'],
  ],
  '/@graphiql/plugin-history/dist/components.js': [['"aria-label": "Set active",', '']],
};

/** Applies the patches, or stops the build when GraphiQL has other code. */
export function patchGraphiQL(): Plugin {
  const waiting = new Set(Object.keys(PATCHES));
  return {
    name: 'patch-graphiql',
    apply: 'build',
    transform: {
      filter: { id: Object.keys(PATCHES).map((name) => `**/node_modules${name}`) },
      handler(code, id) {
        const file = id.slice(id.lastIndexOf('/node_modules') + '/node_modules'.length);
        waiting.delete(file);
        return PATCHES[file]?.reduce((patched, [before, after]) => {
          if (patched.split(before).length !== 2) this.error(`${file}: not once: ${before}`);
          return patched.replace(before, () => after);
        }, code);
      },
    },
    buildEnd() {
      if (waiting.size > 0) this.error(`GraphiQL has no ${[...waiting].join(', ')}`);
    },
  };
}
