// What the tests let Thunderbird do, with its own parts. Runs inside its main window.

"use strict";

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

const WAIT_MILLISECONDS = 50_000; // Less than a script may take, so that the reason is told.
const UPDATE_MILLISECONDS = 2_000; // Far more than an update of a small folder takes.

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

const server = () => MailServices.accounts.getAccount("account1").incomingServer;

// A folder by its path from the root, such as "INBOX" or "Projects/Mail".
function folder(path) {
  const found = path.split("/").reduce((above, name) => above.getChildNamed(name), server().rootFolder);
  if (!found) {
    throw new Error(`there is no folder ${path}`);
  }
  return found;
}

function succeeded(status) {
  if (!Components.isSuccessCode(status)) {
    throw new Error(`it failed: 0x${(status >>> 0).toString(16)}`);
  }
}

// Runs `start` with a listener of the kind that IMAP commands tell their end to.
async function finished(start) {
  const { promise, resolve } = Promise.withResolvers();
  start({
    OnStartRunningUrl() {},
    OnStopRunningUrl: (_url, status) => resolve(status),
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
  });
  succeeded(await promise);
}

// The same for copying, moving and deleting.
async function copied(start) {
  const { promise, resolve } = Promise.withResolvers();
  start({
    onStartCopy() {},
    onProgress() {},
    setMessageKey() {},
    getMessageId: () => null,
    onStopCopy: resolve,
    QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
  });
  succeeded(await promise);
}

// Waits until `condition` answers something true, and answers it.
async function until(what, condition) {
  const deadline = Date.now() + WAIT_MILLISECONDS;
  while (Date.now() < deadline) {
    const answer = await condition();
    if (answer) {
      return answer;
    }
    await pause(50);
  }
  throw new Error(`waited too long until ${what}`);
}

const messages = path => [...folder(path).messages];

function message(path, subject) {
  const found = messages(path).find(each => each.mime2DecodedSubject === subject);
  if (!found) {
    throw new Error(`${path} holds no letter ${subject}`);
  }
  return found;
}

// Takes the server's certificate as a person who confirms the exception, and keeps the password.
async function trust(certificate, ports, user, password) {
  const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
  const shown = database.constructX509FromBase64(certificate);
  for (const port of ports) {
    overrides.rememberValidityOverride("localhost", port, {}, shown, false);
  }
  for (const origin of ["imap://localhost", "smtp://localhost"]) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(origin, null, origin, user, password, "", "");
    await Services.logins.addLoginAsync(login);
  }
}

// "Get messages"; answers the subjects that the folder then holds.
async function fetchNew(path) {
  await finished(listener => folder(path).getNewMessages(msgWindow, listener));
  return subjects(path);
}

// Brings a folder up to date with the server until it holds exactly these subjects. More than once, because
// Thunderbird tells the end of a move or deletion before it knows what became of it; and without waiting for
// ever, because it forgets to tell the end of an update that meets another change of the same folder.
async function holds(path, expected) {
  await until(`${path} holds ${expected.join(", ") || "nothing"}`, async () => {
    const updated = finished(listener =>
      folder(path).QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(msgWindow, listener));
    await Promise.race([updated, pause(UPDATE_MILLISECONDS)]);
    return subjects(path).join("\n") === [...expected].sort().join("\n");
  });
}

const subjects = path => messages(path).map(each => each.mime2DecodedSubject).sort();

// Path and role of every folder. The roles are those of RFC 6154, as Thunderbird understood them.
function folders() {
  const flags = Ci.nsMsgFolderFlags;
  const roles = { Inbox: flags.Inbox, Sent: flags.SentMail, Drafts: flags.Drafts,
    Trash: flags.Trash, Junk: flags.Junk, Archive: flags.Archive };
  return server().rootFolder.descendants.map(each => [
    decodeURI(each.URI.slice(server().rootFolder.URI.length + 1)),
    Object.keys(roles).find(role => each.flags & roles[role]) ?? "",
  ]);
}

async function createFolder(name) {
  server().rootFolder.createSubfolder(name, msgWindow);
  await until(`${name} is made`, () => folders().some(([path]) => path === name));
}

// The bytes of every letter of a folder, as Thunderbird gets them, in base64.
async function sources(path) {
  const found = [];
  for (const each of messages(path)) {
    found.push(btoa(await source(each.folder.getUriForMsg(each))));
  }
  return found;
}

async function source(uri) {
  const { promise, resolve } = Promise.withResolvers();
  let bytes = "";
  const listener = {
    onStartRequest() {},
    onDataAvailable(_request, stream, _offset, count) {
      const reader = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
      reader.setInputStream(stream);
      bytes += reader.readBytes(count);
    },
    onStopRequest: (_request, status) => resolve(status),
    QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
  };
  MailServices.messageServiceFromURI(uri).streamMessage(uri, listener, null, null, false, "", false);
  succeeded(await promise);
  return bytes;
}

// Opens a folder and one of its letters in the window, as two clicks do; answers the text shown.
async function show(path, subject) {
  const pane = document.getElementById("tabmail").currentAbout3Pane;
  pane.displayFolder(folder(path).URI);
  const wanted = message(path, subject);
  const row = await until("the list shows the letter", () => {
    const index = pane.gDBView?.findIndexOfMsgHdr(wanted, true);
    return index >= 0 && index !== undefined ? { index } : null;
  });
  pane.threadTree.selectedIndex = row.index;
  return until("the letter is shown", () => {
    const shown = pane.messageBrowser.contentWindow;
    const browser = shown.getMessagePaneBrowser?.();
    const title = shown.document.getElementById("expandedsubjectBox")?.textContent ?? "";
    const text = browser?.contentDocument?.body?.textContent ?? "";
    return title.includes(subject) && text.trim() ? text : null;
  });
}

// Writes a letter in the compose window and sends it; the window closes when the server took it.
async function send(to, subject, text) {
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  Object.assign(fields, { to, subject, body: text });
  const parameters = Cc["@mozilla.org/messengercompose/composeparams;1"]
    .createInstance(Ci.nsIMsgComposeParams);
  parameters.type = Ci.nsIMsgCompType.New;
  parameters.format = Ci.nsIMsgCompFormat.PlainText;
  parameters.identity = MailServices.accounts.defaultAccount.defaultIdentity;
  parameters.composeFields = fields;
  MailServices.compose.OpenComposeWindowWithParams(null, parameters);
  const composing = () => Services.wm.getMostRecentWindow("msgcompose");
  const ready = await until("the compose window is ready", () =>
    composing()?.composeEditorReady ? composing() : null);
  ready.goDoCommand("cmd_sendNow");
  await until("the letter is sent", () => !composing());
}

// Moves (or copies) letters of these subjects to another folder.
async function file(from, wanted, to, way) {
  const chosen = wanted.map(subject => message(from, subject));
  await copied(listener => MailServices.copy.copyMessages(
    folder(from), chosen, folder(to), way === "move", listener, msgWindow, true));
}

async function remove(path, subject) {
  await copied(listener =>
    folder(path).deleteMessages([message(path, subject)], msgWindow, false, false, listener, true));
}

async function emptyTrash() {
  await finished(listener => folder("Trash").emptyTrash(listener));
}

function star(path, subject) {
  folder(path).markMessagesFlagged([message(path, subject)], true);
}

// Subject, and whether it is read and starred, of each letter.
const marks = path => messages(path)
  .map(each => [each.mime2DecodedSubject, each.isRead, each.isFlagged]).sort();

// "Run search on server": subjects of the letters whose body holds the text.
async function search(path, text) {
  const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(path));
  const term = session.createTerm();
  const value = term.value;
  value.attrib = term.attrib = Ci.nsMsgSearchAttrib.Body;
  value.str = text;
  term.op = Ci.nsMsgSearchOp.Contains;
  term.value = value;
  session.appendTerm(term);
  const { promise, resolve } = Promise.withResolvers();
  const hits = [];
  session.registerListener({
    onNewSearch() {},
    onSearchHit: hit => hits.push(hit.mime2DecodedSubject),
    onSearchDone: resolve,
    QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
  });
  session.search(null);
  succeeded(await promise);
  return hits.sort();
}

// Waits until a folder shows exactly these marks, without asking the server for anything.
async function becomes(path, expected) {
  await until(`${path} shows ${JSON.stringify(expected)}`, () =>
    JSON.stringify(marks(path)) === JSON.stringify(expected));
}
