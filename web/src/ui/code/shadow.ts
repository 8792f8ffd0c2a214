/**
 * The editor's own place in the page. CodeMirror writes its rules into a `<style>` element when it stands in the
 * document, which the content security policy forbids; in a shadow root it uses a constructed style sheet, which the
 * policy has nothing against. Fonts and custom properties reach into it.
 */
export function shadowOf(host: HTMLElement): ShadowRoot {
  return host.shadowRoot ?? host.attachShadow({ mode: "open" });
}
