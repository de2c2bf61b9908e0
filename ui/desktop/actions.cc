#include "ui/desktop/actions.h"

#include <GLFW/glfw3.h>
#include <imgui.h>

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "ui/desktop/app.h"

namespace reverie::desktop {
namespace {

constexpr std::array kMenuOrder = {"File", "Time", "Agent", "Scene", "View", "Learning", "Data", "Help"};

std::string KeyName(int key) {
  if ((key >= GLFW_KEY_A && key <= GLFW_KEY_Z) || (key >= GLFW_KEY_0 && key <= GLFW_KEY_9)) {
    return std::string(1, static_cast<char>(key));
  }
  if (key >= GLFW_KEY_F1 && key <= GLFW_KEY_F25) return "F" + std::to_string(key - GLFW_KEY_F1 + 1);
  switch (key) {
    case GLFW_KEY_SPACE: return "Space";
    case GLFW_KEY_APOSTROPHE: return "'";
    case GLFW_KEY_COMMA: return ",";
    case GLFW_KEY_MINUS: return "-";
    case GLFW_KEY_PERIOD: return ".";
    case GLFW_KEY_SLASH: return "/";
    case GLFW_KEY_SEMICOLON: return ";";
    case GLFW_KEY_EQUAL: return "=";
    case GLFW_KEY_LEFT_BRACKET: return "[";
    case GLFW_KEY_BACKSLASH: return "\\";
    case GLFW_KEY_RIGHT_BRACKET: return "]";
    case GLFW_KEY_GRAVE_ACCENT: return "`";
    case GLFW_KEY_ESCAPE: return "Escape";
    case GLFW_KEY_ENTER: return "Enter";
    case GLFW_KEY_TAB: return "Tab";
    case GLFW_KEY_BACKSPACE: return "Backspace";
    case GLFW_KEY_INSERT: return "Insert";
    case GLFW_KEY_DELETE: return "Delete";
    case GLFW_KEY_RIGHT: return "Right";
    case GLFW_KEY_LEFT: return "Left";
    case GLFW_KEY_DOWN: return "Down";
    case GLFW_KEY_UP: return "Up";
    case GLFW_KEY_PAGE_UP: return "Page Up";
    case GLFW_KEY_PAGE_DOWN: return "Page Down";
    case GLFW_KEY_HOME: return "Home";
    case GLFW_KEY_END: return "End";
    default: return "key " + std::to_string(key);
  }
}

bool SameKeys(const Shortcut& a, const Shortcut& b) {
  return a.key == b.key && a.ctrl == b.ctrl && a.shift == b.shift && a.alt == b.alt;
}

bool Enabled(const Action& action, const App& app) {
  return (action.run || action.items) && (!action.enabled || action.enabled(app));
}

/// A menu's entries and submenus in the order in which they were first named.
struct MenuNode {
  std::string title;
  const Action* action = nullptr;  // null: a submenu
  std::deque<MenuNode> children;

  MenuNode& Submenu(const std::string& name) {
    for (MenuNode& child : children) {
      if (child.action == nullptr && child.title == name) return child;
    }
    return children.emplace_back(MenuNode{name, nullptr, {}});
  }
};

MenuNode BuildMenus(const std::vector<Action>& actions) {
  MenuNode root;
  for (const char* title : kMenuOrder) root.Submenu(title);
  for (const Action& action : actions) {
    if (action.menu.empty()) continue;  // in the palette and by its keys only
    MenuNode* node = &root;
    for (size_t begin = 0; begin <= action.menu.size();) {
      const size_t end = std::min(action.menu.find('/', begin), action.menu.size());
      node = &node->Submenu(action.menu.substr(begin, end - begin));
      begin = end + 1;
    }
    node->children.push_back({action.title, &action, {}});
  }
  return root;
}

void Tooltip(const std::string& text) {
  if (text.empty() || !ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) return;
  ImGui::BeginTooltip();
  ImGui::PushTextWrapPos(ImGui::GetFontSize() * 24);
  ImGui::TextUnformatted(text.c_str());
  ImGui::PopTextWrapPos();
  ImGui::EndTooltip();
}

void DrawNode(const MenuNode& node, App& app) {
  if (node.action == nullptr) {
    if (node.children.empty()) return;
    if (!ImGui::BeginMenu(node.title.c_str())) return;
    bool first = true;
    for (const MenuNode& child : node.children) {
      if (!first && child.action != nullptr && child.action->divider) ImGui::Separator();
      first = false;
      DrawNode(child, app);
    }
    ImGui::EndMenu();
    return;
  }
  const Action& action = *node.action;
  const bool enabled = Enabled(action, app);
  ImGui::PushID(action.id.c_str());
  if (action.items) {
    if (ImGui::BeginMenu(action.title.c_str(), enabled)) {
      action.items(app);
      ImGui::EndMenu();
    }
  } else if (ImGui::MenuItem(action.title.c_str(), action.shortcut.Text().c_str(),
                             action.checked && action.checked(app), enabled)) {
    action.run(app);
  }
  Tooltip(action.help);
  ImGui::PopID();
}

}  // namespace

std::string Shortcut::Text() const {
  if (key == 0) return "";
  return std::string(ctrl ? "Ctrl+" : "") + (alt ? "Alt+" : "") + (shift ? "Shift+" : "") + KeyName(key);
}

void ActionList::Add(Action action) {
  if (Find(action.id) != nullptr) {
    conflicts_.push_back("action " + action.id + " is there already");
    return;
  }
  if (action.shortcut.key != 0) {
    for (const Action& other : actions_) {
      if (!SameKeys(other.shortcut, action.shortcut)) continue;
      conflicts_.push_back(action.shortcut.Text() + " of " + action.id + " is " + other.id + "'s");
      action.shortcut = {};
      break;
    }
  }
  actions_.push_back(std::move(action));
}

const Action* ActionList::Find(const std::string& id) const {
  for (const Action& action : actions_) {
    if (action.id == id) return &action;
  }
  return nullptr;
}

bool ActionList::Run(const std::string& id, App& app) const {
  const Action* action = Find(id);
  if (action == nullptr || !action->run || !Enabled(*action, app)) return false;
  action->run(app);
  return true;
}

void ActionList::DrawMenus(App& app) {
  for (const MenuNode& menu : BuildMenus(actions_).children) DrawNode(menu, app);
}

void ActionList::HandleShortcuts(App& app) {
  const ImGuiIO& io = ImGui::GetIO();
  // A question in front of everything (a dialog, the palette) keeps the keys to itself.
  if (io.WantTextInput || ImGui::IsPopupOpen(nullptr, ImGuiPopupFlags_AnyPopup)) return;
  for (const Action& action : actions_) {
    const Shortcut& keys = action.shortcut;
    if (keys.key == 0 || !ImGui::IsKeyPressed(keys.key, action.repeats)) continue;
    if (!keys.ctrl && !keys.alt && app.hand.Takes(keys.key)) continue;  // the person drives with it
    if (keys.ctrl != io.KeyCtrl || keys.shift != io.KeyShift || keys.alt != io.KeyAlt) continue;
    if (!action.run || !Enabled(action, app)) continue;
    action.run(app);
    return;  // it may have changed the list
  }
}

}  // namespace reverie::desktop
