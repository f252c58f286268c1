/** Finds and starts Firefox, over WebDriver BiDi. */
import { existsSync } from "node:fs";
import path from "node:path";
import puppeteer from "puppeteer-core";

const NAMES = ["firefox-esr", "firefox"];
const MAC = "/Applications/Firefox.app/Contents/MacOS/firefox";

/** @returns {string} path of the program; FIREFOX_PATH names one */
export function firefoxPath() {
  const dirs = (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
  const files = NAMES.flatMap((name) => dirs.map((dir) => path.join(dir, name)));
  const found = [process.env.FIREFOX_PATH ?? "", ...files, MAC].find((file) => existsSync(file));
  if (found) return found;
  throw new Error(
    "These tests need Firefox. Install it (on Debian: apt-get install -y firefox-esr), or set " +
      "FIREFOX_PATH to its program.",
  );
}

/** A headless Firefox that talks to nobody but the pages it is given. */
export const launchFirefox = () =>
  puppeteer.launch({
    browser: "firefox",
    executablePath: firefoxPath(),
    headless: true,
    extraPrefsFirefox: {
      "app.update.enabled": false,
      "browser.safebrowsing.downloads.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      "network.dns.localDomains": "shop.localhost,sister.localhost",
      "services.settings.server": "data:,",
    },
  });
