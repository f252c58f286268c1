// Makes tests/golden/browser_agents.json: user agents of real people, which no rule may take for
// software. Most come from npm user-agents (BSD-2-Clause), which samples the agents that a busy
// site sees: the heaviest six of each build, told apart without their numbers. The others are
// browsers inside apps, phones and browsers that bot lists are known to get wrong.
//   node tools/golden/browser_agents.mjs > tests/golden/browser_agents.json
import { readFileSync } from "node:fs";

const dir = new URL("../../node_modules/user-agents/", import.meta.url);
const read = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(name, dir), "utf8"));

/** Part of an agent that many apps put their name behind. */
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 " +
  "(KHTML, like Gecko) ";
/** @param {string} phone @param {number} version */
const android = (phone, version) =>
  `Mozilla/5.0 (Linux; Android ${version}; ${phone}; wv) AppleWebKit/537.36 (KHTML, like Gecko) ` +
  "Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36 ";
const WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) ";
const MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) ";
const LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ";

const hand = [
  // Apps with their own browser.
  `${IPHONE}Mobile/15E148 Instagram 335.1.8.26.85 (iPhone14,5; iOS 17_5_1; en_US; en; scale=3.00; 1170x2532; 609775437)`,
  `${android("Pixel 7 Build/AP2A.240705.005", 14)}Instagram 337.0.0.35.102 Android (34/14; 420dpi; 1080x2209; Google/google; Pixel 7; panther; panther; en_US; 618223387)`,
  `${android("Pixel 3a Build/SP2A.220505.002", 12)}Instagram 252.0.0.17.111 Android (32/12; 440dpi; 1080x2088; Google/google; Pixel 3a; sargo; sargo; de_DE; 398551927)`,
  `${android("CPH2557 Build/AP3A.240617.008", 15)}Instagram 406.0.0.58.159 Android (35/15; 480dpi; 1080x2400; OPPO; CPH2557; OP573DL1; mt6833; en_MY; 826151541)`,
  `${IPHONE}Mobile/15E148 [FBAN/FBIOS;FBAV/470.1.0.45.111;FBBV/613124765;FBDV/iPhone14,3;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]`,
  `${android("SM-S918B Build/UP1A.231005.007", 14)}[FB_IAB/FB4A;FBAV/471.0.0.47.109;]`,
  `${android("SM-A536E Build/TP1A.220624.014", 13)}[FB_IAB/MESSENGER;FBAV/464.0.0.26.86;]`,
  `${android("Pixel 10 Pro XL Build/CP1A.260305.018", 16)}MetaIAB Facebook`,
  `${IPHONE}Mobile/15E148 [FBAN/MessengerLiteForiOS;FBAV/465.0.0.36.107;FBBV/611240011]`,
  `${IPHONE}Mobile/15E148 Barcelona 336.0.0.34.109 (iPhone15,3; iOS 17_5_1; en_US; en; scale=3.00; 1290x2796; 613100000)`,
  `${IPHONE}Mobile/15E148 Safari Line/14.8.0`,
  `${android("SO-52C Build/63.1.A.3.25", 13)}Line/14.9.0/IAB`,
  `${android("22081212C Build/TKQ1.220829.002", 13)}MMWEBID/8421 MicroMessenger/8.0.49.2600(0x28003133) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64`,
  `${IPHONE}Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/4G Language/zh_CN`,
  `${WINDOWS}Chrome/107.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13) XWEB/9129 Flue`,
  `${IPHONE}Mobile/15E148 musical_ly_35.2.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en Region/US isDarkMode/0 WKWebView/1 RevealType/Dialog BytedanceWebview/d8a21c6 FalconTag/1`,
  `${android("RMX3085 Build/TP1A.220905.001", 13)}trill_350204 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly app_version/35.2.4 ByteLocale/en-GB ByteFullLocale/en-GB Region/GB AppId/1233 Spark/1.5.9.1 AppVersion/35.2.4 BytedanceWebview/d8a21c6`,
  `${IPHONE}Mobile/15E148 Snapchat/12.91.0.42 (like Safari/8618.2.12.10.9, panda)`,
  `${android("SM-G991U Build/UP1A.231005.007", 14)}Snapchat/12.92.0.43 (SM-G991U; Android 14; gzip; )`,
  `${IPHONE}Mobile/15E148 [Pinterest/iOS]`,
  `${android("moto g power Build/T3SRS33", 13)}[Pinterest/Android]`,
  `${IPHONE}Mobile/15E148 Twitter for iPhone/10.46`,
  `${android("Pixel 8 Build/AP2A.240705.005", 14)}TwitterAndroid`,
  `${IPHONE}Mobile/15E148 LinkedInApp/9.30.1220`,
  `${android("SM-A146B Build/UP1A.231005.007", 14)}[LinkedInApp/4.1.961]`,
  `${IPHONE}Mobile/15E148 NAVER(inapp; search; 2000; 12.6.3; 14PRO)`,
  `${IPHONE}Mobile/15E148 KAKAOTALK 10.8.5 INAPP`,
  `${android("SM-F731N Build/UP1A.231005.007", 14)}KAKAOTALK/10.8.6 (INAPP)`,
  `${IPHONE}Mobile/15E148 DaumApps/6.13.1 DaumDevice/mobile`,
  `${android("vivo 1904 Build/RP1A.200720.012", 11)}Telegram-Android/10.14.5 (Vivo Vivo 1904; Android 11; SDK 30; AVERAGE)`,
  `${IPHONE}GSA/324.0.648915268 Mobile/15E148 Safari/604.1`,
  `${android("Pixel 6 Build/AP2A.240705.004", 14)}GSA/15.26.34.28.arm64`,
  `${android("SM-M127F Build/TP1A.220624.014", 13)}okhttp/4.9.3`,
  `${android("POCO F1 Build/QKQ1.190828.002", 10)}com.shop.app/7.4.1 okhttp/3.12.13`,
  `${IPHONE}Mobile/15E148 Shopify Mobile/iOS/9.2406.0 (iPhone15,2/com.jadedpixel.shopify)`,
  `${IPHONE}Mobile/15E148 DuckDuckGo/7 Safari/605.1.15`,
  `${IPHONE}Version/17.5 Mobile/15E148 DuckDuckGo/17 Safari/605.1.15`,
  `${android("SM-A525F Build/TP1A.220624.014", 13)}DuckDuckGo/5`,
  `${IPHONE}Version/17.0 Mobile/15E148 Safari/604.1 Ddg/17.5`,
  `${WINDOWS}Chrome/126.0.0.0 Safari/537.36 Ddg/126.0.0.0`,
  `${IPHONE}Version/17.5 Mobile/15E148 Safari/604.1 Ecosia ios@10.2.1.1805`,
  `${android("SM-A325F Build/TP1A.220624.014", 13)}(Ecosia android@126.0.6478.71)`,
  `${IPHONE}Mobile/15E148 Safari/604.1 [ip:203.0.113.20]`,
  `${IPHONE}EdgiOS/126.0.2592.86 Version/17.0 Mobile/15E148 Safari/604.1 BingSapphire/1.0.420626001`,
  `${IPHONE}Version/15.0 EdgiOS/97.0.1072.69 Mobile/15E148 Safari/605.1.15`,
  `${IPHONE}FxiOS/127.1 Mobile/15E148 Safari/605.1.15`,
  `${IPHONE}Mobile/15E148 Safari/605.1.15 Klar/9.2`,
  `${IPHONE}Coast/5.04.110603 Mobile/15E148 Safari/7534.48.3`,
  `${IPHONE}Mobile/15E148 Slack/24.06.30`,
  `${IPHONE}Version/17.5 Mobile/15E148 Safari/604.1 OPX/2.5.4`,
  `${android("LYA-L29 Build/HUAWEILYA-L29", 10)}hap/1097/huawei com.huawei.fastapp/1.0`,
  // Phones whose names look like something else.
  "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20 PRO) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 10; KINGKONG_CS Build/CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 12; CUBOT KINGKONG MINI 3; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/470.0.0.36.108;]",
  "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
  "Mozilla/5.0 (Linux; Android 7.1.2; AFTMM Build/NS6265; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/70.0.3538.110 Mobile Safari/537.36",
  // Browsers of their own.
  "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 9; SAMSUNG SM-T820) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Safari/537.36",
  "Opera/9.80 (Android; Opera Mini/82.0.2254/191.303; U; en) Presto/2.12.423 Version/12.16",
  "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/191.303; U; en) Presto/2.8.119 Version/11.10",
  "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
  `${android("SM-A032F Build/TP1A.220624.014", 13)}OPR/82.0.2254.72240`,
  `${IPHONE}Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.8.0`,
  `${WINDOWS}Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0 (Edition Yx GX 03)`,
  `${WINDOWS}Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0`,
  "Mozilla/5.0 (Linux; U; Android 12; en-US; RMX2189 Build/SP1A.210812.016) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.6.8.1317 Mobile Safari/537.36",
  "UCWEB/2.0 (MIDP-2.0; U; Adr 10; en-US; RMX1941) U2/1.0.0 UCBrowser/10.7.6.805 U2/1.0.0 Mobile",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X; en-GB) AppleWebKit/537.51.1 (KHTML, like Gecko) Mobile/21F79 UCBrowser/11.3.5.1203 Mobile",
  "Mozilla/5.0 (Linux; arm_64; Android 13; 2201117TY) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.6367.201 YaBrowser/24.6.2.99.00 SA/3 Mobile Safari/537.36",
  `${WINDOWS}Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36`,
  "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/126.2.1 like Chrome/126.0.6478.71 Safari/537.36",
  "Mozilla/5.0 (Linux; Android 9; KFMAWI Build/PS7327) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36",
  "Mozilla/5.0 (Linux; U; Android 13; de-de; 2201116SG Build/TKQ1) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.13.0-gn",
  "Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.332) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.5735.196 HuaweiBrowser/15.0.2.301 Mobile Safari/537.36",
  "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile",
  "Mozilla/5.0 (Linux; Android 13; V2145 Build/TP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.6312.118 Mobile Safari/537.36 VivoBrowser/22.5.0.1",
  "Mozilla/5.0 (Linux; U; Android 14; zh-CN; PJD110 Build/UKQ1) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/115.0.5790.168 Mobile Safari/537.36 HeyTapBrowser/45.11.0.1",
  `${WINDOWS}coc_coc_browser/126.0.134 Chrome/120.0.0.0 Safari/537.36`,
  `${WINDOWS}Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`,
  `${WINDOWS}Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763`,
  `${WINDOWS}Chrome/126.0.0.0 Whale/3.27.254.15 Safari/537.36`,
  `${WINDOWS}Chrome/126.0.0.0 Safari/537.36 Avast/126.0.25558.127`,
  `${WINDOWS}Chrome/126.0.0.0 Safari/537.36 AVG/126.0.25558.127`,
  `${WINDOWS}Chrome/126.0.0.0 Safari/537.36 Norton/126.0.25497.127`,
  `${WINDOWS}Chrome/126.0.0.0 Safari/537.36 Vivaldi/6.8.3381.46`,
  `${WINDOWS}Chrome/118.0.0.0 Safari/537.36 GLS/100.10.9939.100`,
  `${WINDOWS}Chrome/86.0.4240.198 Safari/537.36 QIHU 360SE`,
  `${WINDOWS}Chrome/116.0.0.0 Safari/537.36 SE 2.X MetaSr 1.0`,
  `${WINDOWS}Chrome/108.0.5359.95 QQBrowser/12.8.5497.400 Safari/537.36`,
  `${WINDOWS}Teams/1.7.00.19353 Chrome/120.0.6099.291 Electron/28.2.10 Safari/537.36`,
  `${MAC}Slack/4.39.90 Chrome/126.0.6478.61 Electron/31.0.1 Safari/537.36 AppleSilicon Sonic Slack_SSB/4.39.90`,
  `${MAC}Notion/3.11.1 Chrome/126.0.6478.61 Electron/31.0.1 Safari/537.36`,
  `${MAC}discord/0.0.310 Chrome/120.0.6099.291 Electron/28.2.10 Safari/537.36`,
  `${MAC}Code/1.91.0 Chrome/122.0.6261.156 Electron/29.4.0 Safari/537.36`,
  `${MAC}Chrome/126.0.0.0 Safari/537.36 Arc/1.50`,
  "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_5_6; en-us) AppleWebKit/528.16 (KHTML, like Gecko) Fluid/0.9.6 Safari/528.16",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15 Epiphany/605.1.15",
  `${LINUX}QtWebEngine/6.7.2 Chrome/118.0.5993.220 Safari/537.36`,
  "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (X11; Linux x86_64; rv:52.9) Gecko/20100101 Goanna/6.7 Firefox/102.0 PaleMoon/33.2.0",
  "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
  "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
  "Mozilla/5.0 (compatible; Konqueror/4.14; Linux) KHTML/4.14.38 (like Gecko)",
  // Internet Explorer, televisions, consoles, headsets and cars.
  "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
  "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
  "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; WOW64; Trident/4.0; SLCC2; .NET CLR 2.0.50727; Media Center PC 6.0)",
  "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
  "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
  "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15",
  "Mozilla/5.0 (Nintendo Switch; WebApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.22.5 NintendoBrowser/5.1.0.22474",
  `${WINDOWS}Chrome/115.0.0.0 Safari/537.36 Edge/44.18363.8131 Xbox`,
  "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/33.4.0.17.24.611331417 Chrome/124.0.6367.118 VR Safari/537.36",
  "Mozilla/5.0 (X11; GNU/Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chromium/109.0.5414.119 Chrome/109.0.5414.119 Safari/537.36 Tesla/2024.14.9",
];

/** @type {Map<string, string[]>} */
const builds = new Map();
/** @type {{ userAgent: string, weight: number }[]} */
const sample = read("dist/user-agents.json");
/** Phones that developer tools pretend to be, with random versions: nobody browses with them. */
const EMULATED = /SM-G900P|Nexus 5 Build|Pixel 2 Build|iPhone OS 11_0 .*Chrome/;
for (const { userAgent } of sample.sort((a, b) => b.weight - a.weight)) {
  if (EMULATED.test(userAgent)) continue;
  const build = userAgent.replace(/[\d._]+/g, "0").replace(/\((Linux; Android|Windows)[^)]*\)/, "$1");
  const known = builds.get(build) ?? builds.set(build, []).get(build) ?? [];
  if (known.length < 6 && !known.includes(userAgent)) known.push(userAgent);
}
const { version } = read("package.json");
const source = `npm user-agents ${version}, BSD-2-Clause, and agents picked by hand`;
const agents = [...new Set([...[...builds.values()].flat(), ...hand])];
console.log(JSON.stringify({ source, made_by: "tools/golden/browser_agents.mjs", agents }, null, 2));
